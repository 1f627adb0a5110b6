/** What a study may ask for besides the plane: dominance, a category, "cannot judge", a comment. */

import { make } from '../shared/dom.js';
import { number, say, sayOr } from '../shared/wording.js';
import { createScale, inWords } from './scale.js';

const NONE = '';

/**
 * @param {object} study  the settings of the session's answer
 * @param {(change: object) => void} onChoice
 */
export function createExtras(study, onChoice) {
  const parts = [
    study.dominance === 'off' ? null : dominance(study, onChoice),
    study.category === 'off' ? null : category(study, onChoice),
    study.comment ? comment(study, onChoice) : null,
    study.cannot_judge ? cannotJudge(onChoice) : null,
  ].filter(Boolean);
  const byName = Object.fromEntries(parts.map((part) => [part.name, part]));
  return {
    element: make('div', { class: 'extras' }, ...parts.map((part) => part.element)),
    show: (values) => parts.forEach((part) => part.show(values)),
    speak: (values) => parts.forEach((part) => part.speak(values)),
    /** Everything (`all`), or what makes no sense for a recording that cannot be judged. */
    lock: (all, unjudged) => parts.forEach((part) => part.lock(all || (unjudged && part.name === 'dominance'))),
    focus: (name) => byName[name]?.focus(),
  };
}

function dominance(study, onChoice) {
  const scale = createScale('dominance', study.scale, { onChoice: (rating) => onChoice({ dominance: rating }) });
  const optional = study.dominance === 'optional';
  const title = make('span', { class: 'title' });
  const words = make('span', { class: 'soft' });
  const clear = make('button', { type: 'button', class: 'plain', onclick: () => { onChoice({ dominance: null }); scale.focus(); } });
  const element = make('div', { class: 'extra dominance' }, make('p', { class: 'head' }, title, words, clear), scale.element);
  function show(values) {
    scale.show(values.dominance);
    words.textContent = values.dominance === null
      ? (optional ? say('item.optional') : say('scale.unset'))
      : `${number(values.dominance)} · ${inWords('dominance', values.dominance)}`;
    clear.hidden = !optional || values.dominance === null;
  }
  function speak(values) {
    title.textContent = say('dominance.question');
    clear.textContent = say('scale.clear');
    scale.speak();
    show(values);
  }
  return { name: 'dominance', element, show, speak, lock: (is) => { scale.lock(is); element.classList.toggle('locked', is); }, focus: scale.focus };
}

function category(study, onChoice) {
  const optional = study.category === 'optional';
  const words = optional ? [...study.categories, NONE] : study.categories;
  const chips = new Map(words.map((word) => [word, chip(word)]));
  const legend = make('legend', { class: 'title' });
  const element = make('fieldset', { class: 'extra category' }, legend, make('div', { class: 'chips' }, ...[...chips.values()].map((one) => one.label)));
  function chip(word) {
    const input = make('input', { type: 'radio', name: 'category', value: word, onchange: () => onChoice({ category: word === NONE ? null : word }) });
    const text = make('span');
    return { input, text, label: make('label', { class: 'chip', dir: 'auto' }, input, text) };
  }
  function show(values) {
    const current = values.category ?? (optional ? NONE : null);
    for (const [word, { input }] of chips) input.checked = word === current;
  }
  function speak(values) {
    legend.replaceChildren(say('item.category'), ...(optional ? [make('span', { class: 'soft', text: ` ${say('item.optional')}` })] : []));
    for (const [word, { text }] of chips) text.textContent = word === NONE ? say('item.none') : sayOr(`category.${word}`, word);
    show(values);
  }
  return { name: 'category', element, show, speak, lock: (is) => { element.disabled = is; }, focus: () => [...chips.values()][0]?.input.focus() };
}

function comment(study, onChoice) {
  const box = make('textarea', { id: 'comment', rows: 1, maxlength: study.comment_limit, dir: 'auto', oninput: () => onChoice({ comment: box.value }) });
  const label = make('label', { for: 'comment', class: 'title' });
  function show(values) {
    if (box.value !== values.comment) box.value = values.comment;
  }
  function speak(values) {
    label.replaceChildren(say('item.comment'), make('span', { class: 'soft', text: ` ${say('item.optional')}` }));
    show(values);
  }
  return { name: 'comment', element: make('div', { class: 'extra comment' }, label, box), show, speak, lock: (is) => { box.disabled = is; }, focus: () => box.focus() };
}

function cannotJudge(onChoice) {
  const input = make('input', { type: 'checkbox', id: 'cannot', 'aria-describedby': 'cannot-hint', onchange: () => onChoice({ cannot_judge: input.checked }) });
  const text = make('span');
  const hint = make('p', { id: 'cannot-hint', class: 'soft' });
  function speak(values) {
    text.textContent = say('item.cannot');
    hint.textContent = say('item.cannot_hint');
    input.checked = values.cannot_judge;
  }
  return {
    name: 'cannot_judge', speak, element: make('div', { class: 'extra cannot' }, make('label', {}, input, text), hint),
    show: (values) => { input.checked = values.cannot_judge; }, lock: (is) => { input.disabled = is; }, focus: () => input.focus(),
  };
}
