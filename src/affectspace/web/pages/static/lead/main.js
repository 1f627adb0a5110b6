/** The study lead's page: progress, agreement, raters, links, settings, export. It looks again every half minute. */

import { Refusal, Unreachable, connect, fetchFile, takeToken } from '../shared/api.js';
import { byId, make, write } from '../shared/dom.js';
import { links } from './links.js';
import { overview } from './overview.js';
import { agreement, items, raters, scales } from './quality.js';
import { settings } from './settings.js';
import { note, section } from './tables.js';

const EVERY = 30000; // milliseconds between two looks at the study
const WORDS = {
  no_session: 'Please open the lead’s link once more.',
  bad_link: 'This link is not valid, or not any more. The command that runs the study prints the lead’s link.',
  bad_csrf: 'Another link was opened in this browser. Reload the page.',
};

const api = connect('api/lead');
const token = takeToken();
const stage = byId('stage');
let session = null;
const parts = {};
let speaking = 0;

function announce(text) {
  clearTimeout(speaking);
  byId('live').textContent = '';
  speaking = setTimeout(() => { byId('live').textContent = text; }, 60);
  message(text);
}

/** One sentence on top of the page, for those who see. */
function message(text, { trouble = false } = {}) {
  let box = byId('message');
  if (!box) {
    box = make('p', { id: 'message' });
    stage.before(box);
  }
  box.className = trouble ? 'notice warn' : 'notice';
  box.hidden = text === '';
  write(box, text);
}

const words = (error) => (error instanceof Unreachable ? 'The study cannot be reached.' : WORDS[error.code] ?? (detail(error) || error.message));
const detail = (error) => error.body?.error?.details?.map((one) => `${one.field}: ${one.message}`).join(' ');

/** Change something, say so, and show what follows from it; the server's answer, or null where it refused. */
async function act(method, path, body, done) {
  try {
    const answer = await api.send(method, path, body);
    if (path === 'study') session.study = answer.study;
    if (path.startsWith('raters')) await showLinks();
    await show();
    announce(done);
    return answer;
  } catch (error) {
    failed(error);
    return null;
  }
}

function failed(error) {
  if (!(error instanceof Refusal) && !(error instanceof Unreachable)) throw error;
  message(words(error), { trouble: true });
  byId('live').textContent = words(error);
}

/** Put a new version of a part in the place of the old one; what had the focus keeps it, and what was scrolled its place. */
function place(name, element) {
  const old = parts[name];
  parts[name] = element;
  if (!old) {
    stage.append(element);
    return;
  }
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const [top, left] = ['scrollTop', 'scrollLeft'].map((way) => old.querySelector('.scroller')?.[way] ?? 0);
  old.replaceWith(element);
  element.querySelector('.scroller')?.scrollTo(left, top);
  if (focused?.dataset.key) element.querySelector(`[data-key="${CSS.escape(focused.dataset.key)}"]`)?.focus({ preventScroll: true });
  else if (focused?.matches('.scroller')) element.querySelector('.scroller')?.focus({ preventScroll: true });
}

async function showLinks() {
  const { raters: people } = await api.get('raters');
  place('links', links({ raters: people, languages: session.languages, act, say: announce }));
}

/** Everything that changes by itself; forms stay as they are, with what is being typed into them. */
async function show() {
  const [progress, quality] = await Promise.all([api.get('progress'), api.get('quality')]);
  write(byId('title'), session.study.title || 'Rating study');
  document.title = session.study.title ? `${session.study.title} · rating study` : 'Rating study';
  place('overview', overview(progress));
  place('agreement', agreement(quality));
  place('raters', raters(progress, quality));
  place('scales', scales(progress, quality));
  if (!parts.links) await showLinks();
  place('items', items(quality));
  if (!parts.settings) {
    const assignment = await api.get('assignment');
    place('settings', settings({ study: session.study, assignment, languages: session.languages, act }));
  }
  place('export', exports(session.formats, progress.ratings === 0));
  write(byId('fresh'), `as of ${new Date().toLocaleTimeString()}`);
}

function exports(formats, empty) {
  const list = formats.map(({ name, title }) => {
    const href = `api/lead/export/${encodeURIComponent(name)}`;
    return make('li', {}, make('a', { href, download: '', text: title, onclick: (event) => { event.preventDefault(); download(href); } }));
  });
  return section('export', 'Export',
    note(empty ? 'Nothing is rated yet.' : 'At any time, also while people rate. A file holds what is stored at that moment.'),
    empty ? null : make('ul', { class: 'exports' }, ...list));
}

/** Fetched first, so that a refusal is read here instead of being saved as a file. */
async function download(href) {
  try {
    const { name, content } = await fetchFile(href);
    const url = URL.createObjectURL(content);
    make('a', { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
    announce(`${name} was written.`);
  } catch (error) {
    failed(error);
  }
}

async function look() {
  if (document.hidden) return;
  try {
    await show();
    message('');
  } catch (error) {
    failed(error);
  }
}

async function leave() {
  try {
    await api.send('POST', 'leave');
    clearInterval(looking);
    stage.replaceChildren(make('p', { text: 'You are signed out. The lead’s link brings you back.' }));
    byId('sections').hidden = byId('tools').hidden = true;
    message('');
  } catch (error) {
    failed(error);
  }
}

let looking = 0;

async function start() {
  try {
    session = await api.open(token);
    stage.replaceChildren();
    await show();
    byId('sections').hidden = byId('tools').hidden = false;
    looking = setInterval(look, EVERY);
  } catch (error) {
    stage.replaceChildren();
    failed(error);
  }
}

byId('refresh').addEventListener('click', look);
byId('leave').addEventListener('click', leave);
start();
