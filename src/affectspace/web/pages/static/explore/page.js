/** Puts the parts together, once the rows are there. */

/* global Axes, Details, Dom, Doubts, Filters, RowTable, Rows, State, Theme */
import { furtherFilters } from './further.js';
import { landing } from './landing.js';
import { pickingTools } from './picking.js';
import { makePlane } from './plane.js';
import { selection } from './selection.js';

function nameModel({ made_by: made, model, same_model: same, same_scale: sameScale }) {
  const named = (one) => [one.name || one.source || 'without a name', one.version && `version ${one.version}`].filter(Boolean).join(', ');
  const count = Rows.count.toLocaleString('en');
  Dom.byId('about').textContent = `${count} ${Rows.count === 1 ? 'row' : 'rows'} · model ${named(made.name || made.source ? made : model)}`;
  const warning = Dom.byId('other-model');
  warning.hidden = same === true && sameScale;
  if (same === true && !sameScale) {
    const scale = (one) => one.scale || 'the model\'s';
    warning.textContent = `The table's estimates are on another scale (${scale(made)}) than those of what you drop here (${scale(model)}): its place on the plane can't be compared, its neighbours can. Name with --model the one that was aligned with these recordings, as affectspace adapt --align writes it.`;
    return;
  }
  warning.textContent = same === false
    ? `The table was made by the model ${named(made)}; what you drop here is placed by ${named(model)}, and the two need not agree. Name the table's own with --model.`
    : `The table does not say which model made it; what you drop here is placed by the model ${named(model)}.`;
}

/** Announce to those who hear the page. */
export function say(text) {
  Dom.byId('live').textContent = '';
  setTimeout(() => { Dom.byId('live').textContent = text; }, 60);
}

export function start(api, about) {
  nameModel(about);
  Dom.byId('explorer').hidden = false;
  Dom.byId('nothing').hidden = Rows.anyScored;
  Dom.byId('plane-card').hidden = !Rows.anyScored;
  RowTable.start();
  Details.start();
  const chosen = selection(api, about, { say });
  const plane = makePlane({ isMarked: chosen.isMarked });
  Filters.start();
  if (Rows.anyScored) Doubts.start();
  furtherFilters();
  if (Rows.anyScored) {
    plane.start();
    Axes.menus();
    pickingTools(plane, chosen, { say });
  }
  landing(api, plane, { say, comparable: about.same_model !== false }); // two models' spaces have nothing in common
  Theme.dark.addEventListener('change', () => State.look());
  document.documentElement.dataset.ready = '';
}
