/**
 * Opens the session, fetches the rows, then runs the scripts that this page shares with the report of a
 * collection (plain scripts, whose names `Rows`, `State`, `Dom`, … the modules here use), then the page.
 */

import { Refusal, Unreachable, connect, takeToken } from '../shared/api.js';

const SHARED = ['embedding.rows.js', 'embedding.state.js', 'page.theme.js', 'embedding.colour.js', 'embedding.axes.js', 'embedding.tooltip.js',
  'embedding.table.js', 'embedding.details.js', 'embedding.filters.js', 'embedding.doubts.js'];
const WORDS = {
  no_session: 'Open the address that the command printed, with all that follows its #.',
  bad_link: 'This address is not valid any more: the command prints a new one each time that it starts.',
};

const byId = (id) => document.getElementById(id);

function script(name) {
  return new Promise((resolve, reject) => {
    const element = document.createElement('script');
    element.src = `static/report/${name}`;
    element.onload = resolve;
    element.onerror = () => reject(new Unreachable(`${name} did not come`));
    document.head.append(element);
  });
}

async function open(token) {
  const api = connect('api/explore');
  const { about } = await api.open(token);
  globalThis.collectionRows = await api.get('collection');
  for (const name of SHARED) await script(name); // each needs those before it
  const { start } = await import('./page.js');
  start(api, about);
  byId('waiting').hidden = true;
}

async function begin() {
  try {
    await open(takeToken());
  } catch (error) {
    if (!(error instanceof Refusal) && !(error instanceof Unreachable)) throw error;
    byId('waiting').hidden = true;
    byId('trouble').textContent = error instanceof Refusal ? WORDS[error.code] ?? error.message : 'The service cannot be reached: has the command ended?';
    byId('trouble').hidden = false;
  }
}

window.addEventListener('hashchange', () => { if (window.location.hash.length > 1) window.location.reload(); });
await begin();
