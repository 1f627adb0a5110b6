/** A rater's whole session: link, welcome, practice, one recording after the other, thanks. */

import { Refusal, Unreachable, connect, takeToken } from '../shared/api.js';
import { bestLanguage, currentLanguage, say, sayOr } from '../shared/wording.js';
import * as drafts from './drafts.js';
import { createFrame, remembered } from './frame.js';
import { createItem } from './item.js';
import { listen } from './keys.js';
import * as screens from './screens.js';
import { insist } from './send.js';
import { createTabs } from './tabs.js';

const WITH_WORDING = ['en', 'da', 'de', 'el', 'fr', 'ur'];
const ENDING = ['no_session', 'bad_link', 'bad_csrf', 'rater_closed', 'bad_origin', 'bad_host'];

const api = connect('api/rater');
const token = takeToken();
const frame = createFrame({
  onLanguage: (language) => {
    item?.speak();
    api.send('POST', 'language', { language }).catch(() => {}); // it holds on this page in any case
  },
  onLeave: leave,
});
const tabs = createTabs({ onTaken: () => { standBack(); frame.put(() => screens.moved({ onHere: takeOver })); } });
let session = null;
let item = null;
let current = null; // what the server gave out last
let rating = false; // an item is on the stage, and keys go to it

listen({
  active: () => rating && !frame.helping(),
  play: () => item.play(), submit: () => item.submit(), undo: () => item.undo(),
  move: (event) => item.move(event), movable: (target) => item.movable(target),
});

async function start() {
  await frame.speak(bestLanguage([remembered(), ...navigator.languages], WITH_WORDING));
  await opening(async () => {
    session = await api.open(token);
    drafts.draftsOf(session.rater.name);
    await frame.begin(session);
    item = createItem(session.study, { onSubmit: submit, onUndo: undo, announce: frame.announce });
    if (await tabs.alone()) await takeOver();
    else frame.put(() => screens.openTwice({ onHere: takeOver }));
  }, start);
}

/** Do what needs the server; where that fails, say so and offer another try. */
async function opening(action, again) {
  try {
    await action();
  } catch (error) {
    stop(error, again);
  }
}

async function takeOver() {
  tabs.take();
  await opening(async () => {
    const held = drafts.reread()?.payload;
    const next = await api.get('next');
    if (held && held.assignment === next.item?.assignment) {
      frame.showProgress(next.progress);
      showItem(next, { quiet: true });
      await submit(held);
    } else greet(next);
  }, takeOver);
}

function greet(next) {
  const { progress } = next;
  frame.showProgress(progress);
  const known = { study: session.study, progress };
  const choice = () => ({ languages: session.languages, current: currentLanguage(), onLanguage: frame.choose });
  if (next.done) go(next);
  else if (progress.done > 0 || progress.practice_done > 0) frame.put(() => screens.back({ ...known, onNext: () => go(next) }));
  else {
    frame.put(() => screens.welcome({
      ...known, ...choice(), onNext: () => frame.put(() => screens.instructions({ ...known, onNext: () => go(next) })),
    }));
  }
}

function go(next) {
  frame.showProgress(next.progress);
  if (next.done) {
    standBack();
    frame.put(() => screens.done({ progress: next.progress, onUndo: () => undo(next.progress) }));
  } else showItem(next);
}

function showItem(next, settings) {
  current = next;
  rating = true;
  frame.put(() => item.element, { focus: false });
  item.show(next, settings);
}

function standBack() {
  rating = false;
  item?.stop();
}

async function submit(payload) {
  const wasPractice = current.item.practice;
  item.lock(true);
  item.tell('');
  try {
    const answer = await insist(() => api.send('POST', 'ratings', payload), (reason, tryNow) => {
      item.tell(say(`net.${reason}`), { text: say('net.now'), act: () => { item.tell(say('net.sending')); tryNow(); } });
    });
    drafts.forget();
    frame.announce(say('item.saved'));
    const begins = wasPractice && answer.next.item && !answer.next.item.practice;
    const onward = () => (begins ? between(screens.practiceOver, { onNext: () => go(answer.next) }) : go(answer.next));
    if (answer.reference) between(screens.reference, { values: answer.reference, onNext: onward });
    else onward();
  } catch (error) {
    refused(error);
  }
}

/** A page between two recordings. */
function between(render, values) {
  standBack();
  frame.put(() => render(values));
}

async function refused(error) {
  if (!(error instanceof Refusal) || ENDING.includes(error.code)) return stop(error, takeOver);
  if (error.code === 'invalid' || error.code === 'too_large') {
    item.reopen();
    const details = error.body.error?.details?.map((one) => one.message).join(' ') || error.message;
    return item.tell(say('error.invalid', { message: details }));
  }
  drafts.forget();
  return opening(async () => {
    go(error.body.next ?? await api.get('next'));
    if (error.code === 'already_rated') {
      if (rating) item.note('error.already_rated');
      frame.announce(say('error.already_rated'));
    } else if (rating) item.tell(message(error));
  }, takeOver);
}

async function undo(progress = current?.progress) {
  const assignment = progress?.can_undo;
  if (!assignment) return;
  item.lock(true);
  try {
    const next = await api.send('POST', 'undo', { assignment });
    drafts.forget();
    go(next);
  } catch (error) {
    item.lock(false);
    if (error instanceof Refusal && error.code === 'cannot_undo' && error.body.next) go(error.body.next);
    if (error instanceof Refusal && ENDING.includes(error.code)) stop(error, takeOver);
    else item.tell(error instanceof Unreachable ? say('net.load') : message(error));
  }
}

async function leave() {
  await opening(async () => {
    await api.send('POST', 'leave');
    drafts.forget();
    standBack();
    frame.close();
    frame.put(screens.left);
  }, leave);
}

const message = (error) => sayOr(`error.${error.code}`, null) ?? say('error.other', { message: error.message });

/** The session cannot go on as it is. */
function stop(error, again) {
  standBack();
  if (error instanceof Unreachable) {
    frame.put(() => screens.stopped({ text: say('net.load'), action: { text: say('net.now'), act: again } }));
    return;
  }
  if (!(error instanceof Refusal)) throw error;
  const reloads = ['bad_csrf'].includes(error.code) || error.passing;
  const action = () => (reloads ? { text: say('error.reload'), act: () => window.location.reload() } : null);
  frame.put(() => screens.stopped({ text: message(error), action: action() }));
}

window.addEventListener('hashchange', () => window.location.reload()); // another personal link was opened in this tab
start();
