/**
 * The affect plane: valence from left to right, activation from bottom to top, in any writing direction.
 * It shows what is chosen and asks for a change; it keeps no ratings of its own.
 */

import { clamp, draw, make } from '../shared/dom.js';

const CELL = 10; // units of the drawing for one step
const KEYS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 0], ArrowDown: [-1, 0] };

/**
 * @param {{low: number, high: number, step: number}} scale
 * @param {(change: {activation: number, valence: number}) => void} onChoice
 */
export function createPlane(scale, onChoice) {
  const steps = Math.round((scale.high - scale.low) / scale.step);
  const size = (steps + 1) * CELL;
  const across = (rating) => ((rating - scale.low) / scale.step + 0.5) * CELL;
  const along = (rating) => size - across(rating);
  const middle = (scale.low + scale.high) / 2;

  const ghost = draw('circle', { r: 3.1, class: 'ghost', visibility: 'hidden' });
  const cross = { activation: draw('path', { class: 'cross' }), valence: draw('path', { class: 'cross' }) };
  const halo = draw('circle', { r: 6, class: 'halo', visibility: 'hidden' });
  const marker = draw('circle', { r: 3.6, class: 'marker', visibility: 'hidden' });
  const drawing = draw(
    'svg', { viewBox: `0 0 ${size} ${size}`, 'aria-hidden': 'true', focusable: 'false' },
    ...lattice(), cross.activation, cross.valence, ghost, halo, marker,
  );
  const element = make('div', { class: 'plane', role: 'application', tabindex: '0', 'aria-describedby': 'plane-help' }, drawing);
  let chosen = { activation: null, valence: null };
  let locked = false;

  function lattice() {
    const shapes = [];
    const ratings = Array.from({ length: steps + 1 }, (_, i) => scale.low + i * scale.step);
    for (const rating of ratings.filter(Number.isInteger)) {
      const name = rating === middle ? 'grid neutral' : 'grid';
      shapes.push(draw('line', { x1: across(rating), x2: across(rating), y1: 0, y2: size, class: name }));
      shapes.push(draw('line', { x1: 0, x2: size, y1: along(rating), y2: along(rating), class: name }));
    }
    for (const valence of ratings) {
      for (const activation of ratings) {
        shapes.push(draw('circle', { cx: across(valence), cy: along(activation), r: 0.55, class: 'point' }));
      }
    }
    return shapes;
  }

  function ratingAt(event) {
    const box = drawing.getBoundingClientRect();
    const snapped = (share) => scale.low + clamp(Math.floor(share * (steps + 1)), 0, steps) * scale.step;
    return {
      activation: snapped(1 - (event.clientY - box.top) / box.height - 1e-9),
      valence: snapped((event.clientX - box.left) / box.width),
    };
  }

  function put(shape, x, y) {
    shape.setAttribute('cx', x);
    shape.setAttribute('cy', y);
    shape.setAttribute('visibility', 'visible');
  }

  function choose(choice) {
    if (!locked && (choice.activation !== chosen.activation || choice.valence !== chosen.valence)) onChoice(choice);
  }

  element.addEventListener('pointerdown', (event) => {
    if (event.button !== 0 || locked) return;
    element.setPointerCapture(event.pointerId);
    element.focus({ preventScroll: true });
    choose(ratingAt(event));
    event.preventDefault();
  });
  element.addEventListener('pointermove', (event) => {
    if (element.hasPointerCapture(event.pointerId)) choose(ratingAt(event));
    if (event.pointerType === 'mouse' && !locked) {
      const at = ratingAt(event);
      put(ghost, across(at.valence), along(at.activation));
    }
  });
  element.addEventListener('pointerleave', () => ghost.setAttribute('visibility', 'hidden'));
  element.addEventListener('keydown', (event) => {
    if (move(event)) event.preventDefault();
  });

  /** What an arrow key does; whether it was one. The first one marks the middle. */
  function move(event) {
    const by = KEYS[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return false;
    const next = (name, count) => (chosen[name] === null ? middle : clamp(chosen[name] + count * scale.step, scale.low, scale.high));
    const unset = chosen.activation === null || chosen.valence === null;
    choose(unset
      ? { activation: next('activation', 0), valence: next('valence', 0) }
      : { activation: next('activation', by[0]), valence: next('valence', by[1]) });
    return true;
  }

  /** Show a choice; either rating may be null. */
  function show(choice) {
    chosen = { ...choice };
    const { activation, valence } = chosen;
    const both = activation !== null && valence !== null;
    const [x, y] = [across(valence), along(activation)];
    // From the point to its place on each scale; where one rating is missing, through the whole plane.
    cross.valence.setAttribute('d', valence === null ? '' : `M${x} ${both ? y : 0}V${size}`);
    cross.activation.setAttribute('d', activation === null ? '' : `M${both ? x : size} ${y}H0`);
    for (const shape of [halo, marker]) {
      if (both) put(shape, x, y);
      else shape.setAttribute('visibility', 'hidden');
    }
  }

  function lock(isLocked) {
    locked = isLocked;
    element.setAttribute('aria-disabled', String(isLocked));
  }

  return { element, show, move, lock, name: (text) => element.setAttribute('aria-label', text) };
}
