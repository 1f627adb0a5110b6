/** A recording of one's own: dropped or chosen, embedded by the service, shown as a star on the plane. */

/* global Dom, Rows, State */
import { Refusal, Unreachable } from '../shared/api.js';

const LARGEST = 25 * 2 ** 20; // bytes, as the service takes
const MOST = 12; // recordings that are shown
const NEIGHBOURS = 3;

const number = (value) => value.toFixed(2);

function range(row, name) {
  const [low, high] = [row[`${name}_low`], row[`${name}_high`]];
  return typeof low === 'number' && typeof high === 'number' ? ` (${number(low)} to ${number(high)})` : '';
}

function sentences(row) {
  const values = ['activation', 'valence'].filter((name) => typeof row[name] === 'number');
  return values.map((name) => `${name} ${number(row[name])}${range(row, name)}`);
}

/** The scored rows that are nearest in the embedding; none where the two have no dimension in common. */
function neighbours(row) {
  const latent = Rows.columns.filter((column) => column.own && /^z\d+$/.test(column.name) && typeof row[column.name] === 'number');
  if (!latent.length) return [];
  const near = []; // pairs of a distance and a row, ascending
  for (const other of State.all) {
    let distance = 0;
    for (const column of latent) distance += (column.values[other] - row[column.name]) ** 2;
    if (Number.isNaN(distance) || (near.length === NEIGHBOURS && distance >= near[NEIGHBOURS - 1][0])) continue;
    near.push([distance, other]);
    near.sort(([a], [b]) => a - b);
    near.length = Math.min(near.length, NEIGHBOURS);
  }
  return near.map(([, other]) => other);
}

function neighbourParts(row) {
  const buttons = neighbours(row).map((other) => {
    const button = Dom.make('button', { type: 'button', className: 'near', textContent: Rows.path(other), title: Rows.path(other) });
    button.addEventListener('click', () => State.select(other, { from: 'landing', play: true }));
    return button;
  });
  return buttons.length ? [Dom.make('p', { textContent: 'Nearest in the embedding:' }), Dom.make('div', { className: 'buttons' }, ...buttons)] : [];
}

export function landing(api, plane, { say, comparable }) {
  const [list, state, field, overlay] = ['landed', 'landing-state', 'file', 'dropping'].map(Dom.byId);
  const player = new Audio();
  let landed = [];

  function tell(text, trouble = false) {
    state.textContent = text;
    state.className = trouble ? 'problem' : 'note';
  }

  function shown() {
    plane.show(landed.filter(({ row }) => row.status === 'ok').map(({ name, row }) => ({ name, values: row })));
    list.replaceChildren(...landed.map(entry));
  }

  function forget(one) {
    landed = landed.filter((other) => other !== one);
    URL.revokeObjectURL(one.url);
    shown();
  }

  function entry(one) {
    const { name, row } = one;
    const play = Dom.make('button', { type: 'button', textContent: 'Play' });
    play.addEventListener('click', () => {
      player.src = one.url;
      player.play().catch(() => tell(`This browser does not play ${name}.`, true));
    });
    const away = Dom.make('button', { type: 'button', textContent: 'Remove' });
    away.setAttribute('aria-label', `Remove ${name}`);
    away.addEventListener('click', () => forget(one));
    const lines = row.status === 'ok' ? sentences(row) : [`Not scored, ${row.status}: ${row.message}`];
    if (typeof row.unusualness === 'number') lines.push(`unusualness ${row.unusualness.toFixed(3)}`);
    return Dom.make('li', {}, Dom.make('span', { className: 'name', textContent: name }),
      ...lines.map((text) => Dom.make('p', { textContent: text, className: row.status === 'ok' ? '' : 'doubt' })),
      ...row.caution.map((word) => Dom.make('p', { className: 'doubt', textContent: `${word}: ${row.meanings[word]}` })),
      ...(row.status === 'ok' && comparable ? neighbourParts(row) : []),
      Dom.make('div', { className: 'buttons' }, play, away));
  }

  async function land(file) {
    if (file.size > LARGEST) {
      tell(`${file.name} is larger than 25 MB, and isn't taken.`, true);
      return;
    }
    tell(`Embedding ${file.name} …`);
    try {
      const row = await api.sendFile('landing', file);
      landed = [{ name: file.name, row, url: URL.createObjectURL(file) }, ...landed];
      for (const old of landed.slice(MOST)) URL.revokeObjectURL(old.url);
      landed = landed.slice(0, MOST);
      shown();
      tell('');
      say([file.name, ...(row.status === 'ok' ? sentences(row) : [`not scored: ${row.message}`])].join(', '));
    } catch (error) {
      if (!(error instanceof Refusal) && !(error instanceof Unreachable)) throw error;
      tell(error instanceof Refusal ? `${file.name}: ${error.message}` : 'The service cannot be reached: has the command ended?', true);
    }
  }

  async function landAll(files) {
    for (const file of [...files].slice(0, MOST)) await land(file);
  }

  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
  window.addEventListener('dragover', (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    overlay.hidden = false;
  });
  window.addEventListener('dragleave', (event) => { if (!event.relatedTarget) overlay.hidden = true; });
  window.addEventListener('drop', (event) => {
    overlay.hidden = true;
    if (!holdsFiles(event)) return;
    event.preventDefault();
    landAll(event.dataTransfer.files);
  });
  field.addEventListener('change', async () => {
    await landAll(field.files);
    field.value = '';
  });
}
