/**
 * One scale as a row (or column) of choices: a picture at each whole number, a dot at each half.
 * Underneath are radio buttons, so that browsers and screen readers know what it is.
 * 1 is always left (or at the bottom) and the right and upper arrow keys raise the rating, as on the plane.
 */

import { clamp, make } from '../shared/dom.js';
import { manikin } from '../shared/manikin.js';
import { number, say } from '../shared/wording.js';

const STEPS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };

/** The rating in words: those of the number, or of its two neighbours. */
export function inWords(label, rating) {
  if (rating === null) return say('scale.unset');
  if (Number.isInteger(rating)) return say(`${label}.${rating}`);
  return say('scale.between', { low: say(`${label}.${Math.floor(rating)}`), high: say(`${label}.${Math.ceil(rating)}`) });
}

/**
 * @param {string} label  activation, valence or dominance
 * @param {{low: number, high: number, step: number}} scale
 * @param {{vertical?: boolean, onChoice: (rating: number) => void}} settings
 */
export function createScale(label, scale, { vertical = false, onChoice }) {
  const count = Math.round((scale.high - scale.low) / scale.step) + 1;
  const ratings = Array.from({ length: count }, (_, i) => scale.low + i * scale.step);
  const middle = ratings[Math.floor(count / 2)];
  const choices = new Map(ratings.map((rating) => [rating, choice(rating)]));
  const ordered = vertical ? [...ratings].reverse() : ratings;
  const element = make(
    'div', { class: `scale ${vertical ? 'vertical' : 'horizontal'}`, role: 'radiogroup', dir: 'ltr', 'data-label': label },
    ...ordered.map((rating) => choices.get(rating).cell),
  );
  let chosen = null;
  let locked = false;

  function choice(rating) {
    const whole = Number.isInteger(rating);
    const input = make('input', { type: 'radio', name: label, value: rating, tabindex: '-1' });
    const cell = make(
      'label', { class: whole ? 'cell whole' : 'cell half' },
      input, make('span', { class: 'picture' }, manikin(label, rating)),
      make('span', { class: 'number', 'aria-hidden': 'true' }),
    );
    input.addEventListener('change', () => choose(rating, input));
    return { input, cell };
  }

  function choose(rating, input = choices.get(rating).input) {
    if (locked) return show(chosen);
    input.focus({ preventScroll: true });
    if (rating !== chosen) onChoice(rating);
    return show(rating);
  }

  element.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = target(event.key);
    if (next === null) return;
    event.preventDefault();
    choose(next);
  });

  function target(key) {
    if (key in STEPS) return chosen === null ? middle : clamp(chosen + STEPS[key] * scale.step, scale.low, scale.high);
    if (key === 'Home') return scale.low;
    if (key === 'End') return scale.high;
    const digit = /^[0-9]$/.test(key) ? Number(key) : null;
    return digit !== null && choices.has(digit) ? digit : null;
  }

  /** Show a rating, or none (null). */
  function show(rating) {
    chosen = rating;
    for (const [value, { input, cell }] of choices) {
      input.checked = value === rating;
      input.tabIndex = value === (rating ?? middle) ? 0 : -1;
      cell.classList.toggle('chosen', value === rating);
    }
  }

  /** Write everything in the current language. */
  function speak() {
    element.setAttribute('aria-label', `${say(`${label}.name`)}: ${say(`${label}.question`)}`);
    for (const [value, { input, cell }] of choices) {
      input.setAttribute('aria-label', `${number(value)}: ${inWords(label, value)}`);
      cell.querySelector('.number').textContent = Number.isInteger(value) ? number(value) : '';
      cell.title = inWords(label, value);
    }
  }

  function lock(isLocked) {
    locked = isLocked;
    for (const { input } of choices.values()) input.disabled = isLocked;
  }

  show(null);
  speak();
  return { element, show, speak, lock, focus: () => choices.get(chosen ?? middle).input.focus() };
}
