/** The affect plane with a scale along each of its sides, and what they say in words. All show one choice. */

import { make, write } from '../shared/dom.js';
import { bothAtOnce } from '../shared/manikin.js';
import { number, say } from '../shared/wording.js';
import { createPlane } from './plane.js';
import { createScale, inWords } from './scale.js';

/**
 * @param {{low: number, high: number, step: number}} scale
 * @param {(change: {activation?: number, valence?: number}) => void} onChoice
 */
export function createInstrument(scale, onChoice) {
  const plane = createPlane(scale, onChoice);
  const scales = {
    activation: createScale('activation', scale, { vertical: true, onChoice: (activation) => onChoice({ activation }) }),
    valence: createScale('valence', scale, { onChoice: (valence) => onChoice({ valence }) }),
  };
  const ends = { top: end('top'), bottom: end('bottom'), left: end('left'), right: end('right') };
  const names = { activation: end('name-activation'), valence: end('name-valence') };
  const help = make('p', { id: 'plane-help', class: 'hide' });
  const element = make(
    'div', { class: 'instrument', dir: 'ltr' },
    names.activation, ends.top, scales.activation.element, plane.element, ends.bottom,
    scales.valence.element, ends.left, names.valence, ends.right, help,
  );
  const readout = createReadout();

  function end(name) {
    return make('span', { class: `end ${name}`, dir: 'auto', 'aria-hidden': 'true' });
  }

  function show(choice) {
    plane.show(choice);
    scales.activation.show(choice.activation);
    scales.valence.show(choice.valence);
    readout.show(choice);
    tellPlane(choice);
  }

  /** A screen reader that comes to the plane hears what is marked there. */
  function tellPlane(choice) {
    const shown = (label) => (choice[label] === null ? say('scale.unset') : number(choice[label]));
    plane.name(`${say('plane.name')}: ${say('plane.value', { activation: shown('activation'), valence: shown('valence') })}`);
  }

  function speak() {
    help.textContent = say('plane.help');
    for (const label of ['activation', 'valence']) {
      names[label].textContent = say(`${label}.name`);
      scales[label].speak();
    }
    ends.top.textContent = say('activation.5');
    ends.bottom.textContent = say('activation.1');
    ends.left.textContent = say('valence.1');
    ends.right.textContent = say('valence.5');
    readout.speak();
  }

  function lock(isLocked) {
    plane.lock(isLocked);
    for (const each of Object.values(scales)) each.lock(isLocked);
    element.classList.toggle('locked', isLocked);
  }

  return { element, readout: readout.element, show, speak, lock, move: plane.move, planeElement: plane.element, focus: (label) => scales[label].focus() };
}

function createReadout() {
  const figure = make('div', { class: 'figure' });
  const lines = { activation: row(), valence: row() };
  const element = make('div', { class: 'readout' }, figure, make('dl', {}, ...Object.values(lines).flatMap((line) => line.parts)));

  function row() {
    const [name, value, words] = [make('dt'), make('span', { class: 'value' }), make('span', { class: 'words' })];
    return { name, value, words, parts: [make('div', {}, name, make('dd', {}, value, ' ', words))] };
  }

  function show(choice) {
    for (const [label, { value, words }] of Object.entries(lines)) {
      write(value, choice[label] === null ? '–' : number(choice[label]));
      write(words, inWords(label, choice[label]));
    }
    const drawn = bothAtOnce(choice.activation ?? 3, choice.valence ?? 3);
    drawn.classList.toggle('faint', choice.activation === null || choice.valence === null);
    figure.replaceChildren(drawn);
  }

  function speak() {
    for (const [label, { name }] of Object.entries(lines)) write(name, say(`${label}.name`));
  }

  return { element, show, speak };
}
