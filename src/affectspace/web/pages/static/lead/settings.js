/** What raters are asked, and who gets which recording. */

import { make } from '../shared/dom.js';
import { nameOfLanguage } from '../shared/wording.js';
import { note, plural, section } from './tables.js';

const ASKED = [['off', 'not asked'], ['optional', 'asked, may stay empty'], ['required', 'asked, must be given']];

/** @param {{study: object, assignment: object, languages: string[], act: Function}} given */
export function settings(given) {
  return section('settings', 'Settings', make('div', { class: 'pair' }, asked(given), shared(given)));
}

function field(id, words, control, hint = null) {
  control.id = id;
  if (hint) control.setAttribute('aria-describedby', `${id}-hint`);
  return make('div', { class: 'field' }, make('label', { for: id, text: words }), control, hint && make('p', { id: `${id}-hint`, class: 'soft', text: hint }));
}

const text = (value, more = {}) => make('input', { type: 'text', value: value ?? '', dir: 'auto', ...more });
const choice = (value, options) => make('select', {}, ...options.map(([code, words]) => make('option', { value: code, text: words, selected: code === (value ?? '') })));

function tick(id, words, checked) {
  const box = make('input', { type: 'checkbox', id, checked });
  return { box, element: make('div', { class: 'tick' }, box, make('label', { for: id, text: words })) };
}

function asked({ study, languages, act }) {
  const title = text(study.title, { maxlength: 200 });
  const instructions = make('textarea', { rows: 4, dir: 'auto' });
  instructions.value = study.instructions ?? '';
  const language = choice(study.language, [['', 'each rater’s browser decides'], ...languages.map((code) => [code, nameOfLanguage(code)])]);
  const [dominance, category] = [choice(study.dominance, ASKED), choice(study.category, ASKED)];
  const categories = text((study.categories ?? []).join(', '));
  const ticks = {
    comment: tick('may-comment', 'Raters may leave a comment', study.comment),
    cannot_judge: tick('may-pass', 'Raters may say “I cannot judge this one”', study.cannot_judge),
    must_hear: tick('must-hear', 'A recording must be heard to its end before it is rated', study.must_hear),
  };
  return form('What raters see', 'Save', [
    field('study-title', 'Title', title), field('study-note', 'Note to the raters', instructions, 'Plain text. It stands on the first page.'),
    field('study-language', 'Language', language), field('study-dominance', 'Dominance', dominance), field('study-category', 'Feeling', category),
    field('study-categories', 'Feelings to choose from', categories, 'Separated by commas.'), ...Object.values(ticks).map((one) => one.element),
  ], () => act('PUT', 'study', {
    title: title.value.trim(), instructions: instructions.value.trim(), language: language.value || null,
    dominance: dominance.value, category: category.value, categories: categories.value.split(',').map((word) => word.trim()).filter(Boolean),
    ...Object.fromEntries(Object.entries(ticks).map(([name, { box }]) => [name, box.checked])),
  }, 'The settings are saved.'));
}

function shared({ assignment, act }) {
  const whole = (value, more) => make('input', { type: 'number', min: 1, step: 1, value: value ?? '', ...more });
  const perItem = whole(assignment.raters_per_item);
  const perRater = whole(assignment.items_per_rater);
  const share = make('input', { type: 'number', min: 0, max: 50, step: 1, value: Math.round(100 * assignment.repeat_share) });
  const distance = whole(assignment.repeat_distance);
  const orNull = (input) => (input.value === '' ? null : Number(input.value));
  const file = make('input', { type: 'file', accept: '.csv,text/csv' });
  const rounds = make('ul');
  const tell = (list) => rounds.replaceChildren(...list.map((round) => make('li', { text: `Round ${round.round}: ${plural(round.items, 'recording')}, since ${new Date(round.opened).toLocaleString()}` })));
  tell(assignment.rounds);
  return make('div', {},
    form('Who rates what', 'Save', [
      field('per-item', 'Raters for each recording', perItem, 'Empty: every rater rates every recording.'),
      field('per-rater', 'Recordings for each rater, at most', perRater, 'Empty: no limit.'),
      field('repeat-share', 'Hidden repeats, in per cent', share, 'Recordings that come twice, to see how consistent a rater is.'),
      field('repeat-distance', 'Recordings between a repeat and its first time, at least', distance),
    ], () => act('PUT', 'assignment', {
      raters_per_item: orNull(perItem), items_per_rater: orNull(perRater), repeat_share: Number(share.value) / 100, repeat_distance: Number(distance.value),
    }, 'The settings are saved.')),
    form('Rounds', 'Start a new round', [
      note('A table of recordings that are to be rated next, such as the one that adapt suggests. From then on only these are given out.'),
      rounds, field('round-file', 'CSV with a column “file”', file),
    ], async () => {
      if (file.files.length === 0) return;
      const answer = await act('POST', 'rounds', { table: await file.files[0].text() }, 'A new round has begun.');
      if (answer) tell(answer.rounds);
    }));
}

function form(title, button, fields, save) {
  const element = make('form', { class: 'settings' }, make('h3', { text: title }), ...fields, make('p', {}, make('button', { type: 'submit', class: 'primary', text: button })));
  element.addEventListener('submit', (event) => {
    event.preventDefault();
    save();
  });
  return element;
}
