/** One recording and everything that is said about it. Built once; `show` puts the next recording into it. */

import { freshKey } from '../shared/api.js';
import { make, write } from '../shared/dom.js';
import { number, say } from '../shared/wording.js';
import * as drafts from './drafts.js';
import { createExtras } from './extras.js';
import { createInstrument } from './instrument.js';
import { createPlayer } from './player.js';

const UNRATED = { activation: null, valence: null, dominance: null, category: null, cannot_judge: false, comment: '' };

/**
 * @param {object} study  settings of the study
 * @param {{onSubmit: (payload: object) => void, onUndo: () => void, announce: (text: string) => void}} doing
 */
export function createItem(study, doing) {
  const title = make('h1', { tabindex: '-1', id: 'item-title' });
  const notice = make('p', { class: 'notice', hidden: true });
  const trouble = make('p', { class: 'notice warn', role: 'alert', hidden: true });
  const player = createPlayer(onPlayed);
  const instrument = createInstrument(study.scale, change);
  const extras = createExtras(study, change);
  const automatic = make('input', { type: 'checkbox', id: 'auto' });
  const automaticText = make('span');
  const submit = make('button', { type: 'button', class: 'primary', 'aria-describedby': 'missing', onclick: () => trySubmit() });
  const undo = make('button', { type: 'button', class: 'quiet', onclick: () => doing.onUndo() });
  const missing = make('p', { id: 'missing', class: 'missing' });
  const element = make(
    'section', { class: 'item', 'aria-labelledby': 'item-title' },
    make('div', { class: 'left' }, title, notice, player.element, instrument.element),
    make('div', { class: 'right' }, instrument.readout, extras.element, make('label', { class: 'auto' }, automatic, automaticText),
      make('div', { class: 'actions' }, trouble, missing, submit, undo)),
  );
  let item = null;
  let progress = null;
  let values = { ...UNRATED };
  let key = '';
  let sending = false;
  let pendingWords = 0;
  let sent = null; // the last rating that was sent: an undone one goes on counting from there

  /** Put a recording in; what was begun of it in this browser comes back. */
  function show(next, { quiet = false } = {}) {
    ({ item, progress } = next);
    const known = drafts.draft()?.assignment === item.assignment ? drafts.draft() : null;
    values = { ...UNRATED, ...(item.restored ?? {}), ...(known?.values ?? {}) };
    values.comment ??= '';
    key = known?.key ?? freshKey();
    notice.dataset.key = known && !quiet ? 'item.kept' : item.restored ? 'item.changing' : '';
    const before = item.restored && sent?.assignment === item.assignment ? { starts: sent.replays + 1, heard: true, elapsed: sent.milliseconds } : null;
    player.load(item.audio, item.seconds, known ?? before ?? (item.restored ? { heard: true } : {}));
    lock(false);
    tell('');
    speak();
    window.scrollTo({ top: 0 });
    title.focus({ preventScroll: true });
    if (automatic.checked && !item.restored) player.play();
  }

  function speak() {
    if (!item) return;
    const place = item.practice
      ? { number: progress.practice_done + 1, total: progress.practice_total }
      : { number: progress.done + 1, total: progress.total };
    write(title, say(item.practice ? 'item.practice' : 'item.title', { number: number(place.number), total: number(place.total) }));
    notice.hidden = !notice.dataset.key;
    write(notice, notice.dataset.key ? say(notice.dataset.key) : '');
    submit.replaceChildren(say('item.submit'), make('kbd', { 'aria-hidden': 'true', text: say('key.enter') }));
    undo.textContent = say('item.undo');
    undo.hidden = !progress.can_undo;
    automaticText.textContent = say('player.auto');
    player.refresh();
    instrument.speak();
    extras.speak(values);
    refresh();
  }

  function change(changes) {
    if (sending) return;
    values = { ...values, ...changes };
    notice.hidden = true;
    keep(null);
    refresh();
    if ('activation' in changes || 'valence' in changes) announceLater();
  }

  /** Dragging changes much at once; the screen reader hears where it ended. */
  function announceLater() {
    clearTimeout(pendingWords);
    pendingWords = setTimeout(() => {
      const shown = (label) => (values[label] === null ? say('scale.unset') : number(values[label]));
      doing.announce(say('plane.value', { activation: shown('activation'), valence: shown('valence') }));
    }, 350);
  }

  function keep(payload) {
    drafts.keep({ assignment: item.assignment, key, values, starts: player.starts(), heard: player.heard(), payload });
  }

  function onPlayed() {
    if (!item || sending) return;
    if (player.starts() > 0) keep(null);
    refresh();
  }

  /** What keeps the rating from being submitted, in the order of the page. */
  function lacking() {
    const list = [];
    const listened = player.heard() || (player.failed() && values.cannot_judge);
    if (study.must_hear && !listened) list.push('listen');
    if (!values.cannot_judge) {
      for (const label of ['activation', 'valence']) if (values[label] === null) list.push(label);
      if (study.dominance === 'required' && values.dominance === null) list.push('dominance');
      if (study.category === 'required' && values.category === null) list.push('category');
    }
    return list;
  }

  function refresh() {
    const list = lacking();
    instrument.show(values.cannot_judge ? { activation: null, valence: null } : values);
    extras.show(values);
    instrument.lock(sending || values.cannot_judge);
    extras.lock(sending, values.cannot_judge);
    submit.setAttribute('aria-disabled', String(sending || list.length > 0));
    missing.classList.toggle('complete', list.length === 0 && !sending);
    write(missing, sending ? say('net.sending') : list.length === 0 ? say('item.complete') : missingWords(list));
  }

  function missingWords(list) {
    const words = list.map((name) => say(`missing.${name}`));
    return say('item.missing', { list: words.join(' · ') });
  }

  function trySubmit() {
    if (sending || !item) return;
    const [first] = lacking();
    if (first) {
      doing.announce(missingWords(lacking()));
      if (first === 'listen') player.focus();
      else if (first === 'activation' || first === 'valence') instrument.focus(first);
      else extras.focus(first);
      return;
    }
    const judged = !values.cannot_judge;
    const payload = {
      assignment: item.assignment, key,
      activation: judged ? values.activation : null, valence: judged ? values.valence : null,
      dominance: judged ? values.dominance : null, category: values.category,
      cannot_judge: values.cannot_judge, comment: values.comment.trim(),
      replays: Math.max(0, player.starts() - 1), milliseconds: player.elapsed(),
    };
    player.stop();
    sent = payload;
    keep(payload);
    doing.onSubmit(payload);
  }

  function lock(isLocked) {
    sending = isLocked;
    if (item) refresh();
    undo.disabled = isLocked;
    element.setAttribute('aria-busy', String(isLocked));
  }

  /** The rating was not taken: open it again, under a key of its own. */
  function reopen() {
    key = freshKey();
    lock(false);
    keep(null);
  }

  /** A sentence about the sending, with a button beside it; '' takes it away. */
  function tell(text, action = null) {
    trouble.hidden = text === '';
    trouble.replaceChildren(text, ...(action ? [' ', make('button', { type: 'button', class: 'plain', text: action.text, onclick: action.act })] : []));
  }

  return {
    element, show, speak, lock, reopen, tell, submit: trySubmit, stop: player.stop,
    note: (name) => { notice.dataset.key = name; notice.hidden = false; write(notice, say(name)); },
    play: () => player.toggle(),
    undo: () => { if (progress?.can_undo && !sending) doing.onUndo(); },
    move: (event) => { instrument.planeElement.focus({ preventScroll: true }); return instrument.move(event); },
    movable: (target) => target === title || target.matches('.play'),
  };
}
