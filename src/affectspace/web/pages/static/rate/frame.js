/** What stands around every screen: title, progress, language, help, signing out, and the voice for screen readers. */

import { byId, make, write } from '../shared/dom.js';
import { bestLanguage, currentLanguage, nameOfLanguage, number, say, useLanguage } from '../shared/wording.js';
import { howTo } from './screens.js';

const WISH = 'affectspace.language';

/** @param {{onLanguage: (code: string, chosen: boolean) => void, onLeave: () => void}} doing */
export function createFrame({ onLanguage, onLeave }) {
  const [stage, live, menu, help, leave, dialog] = ['stage', 'live', 'language', 'help', 'leave', 'help-dialog'].map(byId);
  let study = null;
  let rendered = null;
  let progress = null;
  let speaking = 0;

  menu.addEventListener('change', () => choose(menu.value));
  help.addEventListener('click', () => {
    fillDialog();
    dialog.showModal();
  });
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  leave.addEventListener('click', onLeave);

  async function choose(code) {
    remember(code);
    await speak(code);
    stage.querySelector('.languages [aria-pressed=true]')?.focus();
    onLanguage(code);
    announce(nameOfLanguage(code));
  }

  function fillDialog() {
    const shut = make('button', { type: 'button', class: 'primary', text: say('menu.close'), onclick: () => dialog.close() });
    const out = make('button', { type: 'button', class: 'quiet', text: say('menu.leave'), onclick: () => { dialog.close(); onLeave(); } });
    dialog.replaceChildren(make('div', { class: 'sheet' }, make('h1', { id: 'help-title', text: say('how.title') }), ...howTo(study), make('p', { class: 'actions' }, shut, out)));
  }

  async function speak(code) {
    await useLanguage(code);
    document.title = study?.title ? `${say('page.title')} · ${study.title}` : say('page.title');
    write(byId('language-label'), say('language.label'));
    help.textContent = say('menu.help');
    leave.textContent = say('menu.leave');
    menu.value = currentLanguage();
    if (dialog.open) fillDialog();
    if (rendered) put(rendered, { focus: false });
    showProgress(progress);
  }

  /** The first language of the rater's, this browser's and the study's that there is wording for. */
  function begin(session) {
    study = session.study;
    menu.replaceChildren(...session.languages.map((code) => make('option', { value: code, text: nameOfLanguage(code), lang: code })));
    menu.hidden = help.hidden = leave.hidden = false;
    write(byId('study'), study.title);
    return speak(bestLanguage([session.rater.language, remembered(), ...navigator.languages], session.languages));
  }

  /** Show what `render` makes, now and again after each change of language. */
  function put(render, { focus = true } = {}) {
    rendered = render;
    const element = render();
    if (element !== stage.firstElementChild) stage.replaceChildren(element);
    if (focus) {
      element.querySelector('h1')?.focus({ preventScroll: true });
      window.scrollTo({ top: 0 });
    }
  }

  function announce(text) {
    clearTimeout(speaking);
    live.textContent = '';
    speaking = setTimeout(() => { live.textContent = text; }, 60); // the same words twice are spoken twice
  }

  function showProgress(now) {
    progress = now;
    const bar = byId('progress');
    bar.hidden = !now || now.total === 0;
    if (bar.hidden) return;
    bar.setAttribute('aria-valuemax', now.total);
    bar.setAttribute('aria-valuenow', Math.min(now.done, now.total));
    bar.setAttribute('aria-label', say('progress.label', { done: number(now.done), total: number(now.total) }));
    bar.firstElementChild.style.inlineSize = `${(100 * now.done) / now.total}%`;
    bar.dataset.text = `${number(now.done)} / ${number(now.total)}`;
  }

  function close() {
    help.hidden = leave.hidden = true;
    if (dialog.open) dialog.close();
    showProgress(null);
  }

  return { begin, speak, choose, put, announce, showProgress, close, helping: () => dialog.open };
}

function remember(code) {
  try {
    window.localStorage.setItem(WISH, code);
  } catch { /* then the server alone remembers */ }
}

export function remembered() {
  try {
    return window.localStorage.getItem(WISH);
  } catch {
    return null;
  }
}
