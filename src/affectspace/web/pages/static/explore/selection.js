/** What is selected: counts, means, and what can be done with it. */

/* global Dom, Rows, State */
import { Refusal, Unreachable } from '../shared/api.js';
import { FEWEST, meanOf } from './means.js';

const LABELS = ['activation', 'valence', 'unusualness'];
const count = (rows, word) => `${rows.toLocaleString('en')} ${word}${rows === 1 ? '' : 's'}`;

function save(name, content) {
  const url = URL.createObjectURL(new Blob([content], { type: 'text/csv' }));
  Dom.make('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

export function selection(api, about, { say }) {
  const marked = new Uint8Array(Rows.count);
  const speaker = Rows.columns.find((column) => column.kind === 'text' && column.name === 'speaker');
  const button = (id) => Dom.byId(id);
  let any = false;

  /** Rows that the filters hide stay marked, and come back with them. */
  function changed() {
    any = marked.includes(1);
    State.pick(any ? State.shown.filter((row) => marked[row]) : null);
    show();
  }

  /** `how` is 'only', 'add' or 'remove'. */
  function mark(rows, how = 'only') {
    if (how === 'only') marked.fill(0);
    for (const row of rows) marked[row] = how === 'remove' ? 0 : 1;
    changed();
    say(any ? `${count(State.picked.length, 'row')} selected` : 'Nothing is selected');
  }

  function means(rows) {
    return LABELS.map((name) => {
      const with_ = Array.from(rows).filter((row) => Number.isFinite(Rows.number(name, row)));
      const known = speaker && with_.every((row) => speaker.codes[row] >= 0);
      const values = with_.map((row) => Rows.number(name, row));
      return { name, speakers: Boolean(known), ...(values.length ? meanOf(values, known ? with_.map((row) => speaker.codes[row]) : null) : { mean: NaN }) };
    }).filter(({ mean }) => Number.isFinite(mean));
  }

  function meanLine({ name, mean, low, high, groups, speakers }) {
    const bounds = Number.isFinite(low) ? `${low.toFixed(2)} to ${high.toFixed(2)}` : `none of ${count(groups, speakers ? 'speaker' : 'row')}`;
    return Dom.make('tr', {}, Dom.make('th', { scope: 'row', textContent: name }), Dom.make('td', { className: 'number', textContent: mean.toFixed(2) }),
      Dom.make('td', { textContent: bounds }));
  }

  function show() {
    const rows = State.listed();
    const unscored = rows.reduce((sum, row) => sum + Number(!Rows.isScored(row)), 0);
    const doubtful = rows.reduce((sum, row) => sum + Number(Rows.isScored(row) && Rows.cautions(row).length > 0), 0);
    const parts = [unscored && `${unscored.toLocaleString('en')} not scored`, doubtful && `${doubtful.toLocaleString('en')} with a caution`].filter(Boolean);
    const head = any ? `${count(rows.length, 'row')} selected` : `Nothing selected: ${count(rows.length, 'row')} shown`;
    Dom.byId('selected').textContent = [head, ...parts].join(', ');
    const found = means(rows);
    Dom.byId('selection-means').hidden = !found.length;
    Dom.byId('selection-means').tBodies[0].replaceChildren(...found.map(meanLine));
    const some = found.find((one) => Number.isFinite(one.low));
    Dom.byId('bounds-note').textContent = some
      ? `The bounds are over ${count(some.groups, some.speakers ? 'speaker' : 'row')}${some.speakers ? '' : ', as if each row were drawn by itself'}.`
      : found.length ? `Bounds need at least ${FEWEST} ${found[0].speakers ? 'speakers' : 'rows'}.` : '';
    button('clear').disabled = !any;
    for (const id of ['download', 'annotate']) button(id).disabled = !rows.length;
    button('select-shown').disabled = !State.shown.length;
    Dom.byId('onward').replaceChildren();
  }

  async function ask(path, then) {
    const place = Dom.byId('onward');
    place.replaceChildren(Dom.make('p', { textContent: 'One moment …' }));
    try {
      place.replaceChildren(...then(await api.send('POST', path, { rows: Array.from(State.listed()) })));
    } catch (error) {
      if (!(error instanceof Refusal) && !(error instanceof Unreachable)) throw error;
      const words = error instanceof Refusal ? error.message : 'The service cannot be reached: has the command ended?';
      place.replaceChildren(Dom.make('p', { className: 'problem', textContent: words }));
    }
  }

  function saved({ name, content }) {
    save(name, content);
    return [Dom.make('p', { textContent: `Saved as ${name}, with all columns of the table.` })];
  }

  function onward({ rows, left_out: leftOut, name, content, written, command }) {
    if (content !== undefined) save(name, content);
    const where = written ? `written into the study's folder as ${written}` : `saved as ${name}`;
    const apart = leftOut ? ` ${count(leftOut, 'row')} without the status ok left out.` : '';
    const line = Dom.make('code', { textContent: command });
    const copy = Dom.make('button', { type: 'button', textContent: 'Copy' });
    copy.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(command);
        copy.textContent = 'Copied';
      } catch {
        window.getSelection().selectAllChildren(line);
      }
    });
    return [Dom.make('p', { textContent: `${count(rows, 'utterance')} to rate, ${where}.${apart} Go on in a terminal${written ? '' : ', in the folder of that file and with a study of your own name'}:` }), line, copy];
  }

  State.on('filter', changed);
  button('select-shown').addEventListener('click', () => mark(State.shown));
  button('clear').addEventListener('click', () => mark([]));
  button('download').addEventListener('click', () => ask('selection', saved));
  button('annotate').addEventListener('click', () => ask('annotate', onward));
  if (!about.study) button('annotate').title = 'Downloads a table; with --study STUDY_DIR it is written there';
  show();
  return { mark, isMarked: (row) => marked[row] === 1, any: () => any };
}
