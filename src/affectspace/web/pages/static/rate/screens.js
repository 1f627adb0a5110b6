/** The pages around the ratings. Each returns an element made anew, so that it follows a change of language. */

import { make } from '../shared/dom.js';
import { manikin } from '../shared/manikin.js';
import { nameOfLanguage, number, say } from '../shared/wording.js';

const RATINGS = [1, 2, 3, 4, 5];

function screen(title, content, action = null) {
  return make(
    'section', { class: 'screen' },
    make('h1', { tabindex: '-1', text: title }), ...content,
    action && make('p', { class: 'actions' }, make('button', { type: 'button', class: 'primary', text: action.text, onclick: action.act })),
  );
}

const paragraph = (text, name = null) => make('p', { text, class: name });

export function welcome({ study, progress, languages, current, onLanguage, onNext }) {
  const amount = progress.practice_total > 0 ? 'welcome.amount' : 'welcome.amount_plain';
  return screen(say('welcome.title'), [
    study.title ? paragraph(study.title, 'of-study') : null,
    languages.length > 1 ? make('div', { class: 'languages', role: 'group', 'aria-label': say('language.label') }, ...languages.map((code) => make(
      'button', { type: 'button', lang: code, dir: 'auto', 'aria-pressed': String(code === current), text: nameOfLanguage(code), onclick: () => onLanguage(code) },
    ))) : null,
    paragraph(say('welcome.what'), 'large'),
    paragraph(`${say(amount, { total: number(progress.total) })} ${say('welcome.stop')}`),
    paragraph(say('welcome.sound')),
    study.instructions ? note(study.instructions) : null,
  ], { text: say('welcome.next'), act: onNext });
}

/** What the lead wrote, as it was written: plain text with its line breaks. */
function note(text) {
  return make('aside', { class: 'note', 'aria-label': say('welcome.lead') },
    make('h2', { text: say('welcome.lead') }), make('p', { class: 'as-written', dir: 'auto', text }));
}

export function instructions({ study, progress, onNext }) {
  const practises = progress.practice_done < progress.practice_total;
  return screen(say('how.title'), howTo(study), { text: say(practises ? 'how.practice' : 'how.start'), act: onNext });
}

/** How to rate: shown before the first recording, and in the dialog at any time. */
export function howTo(study) {
  return [
    paragraph(say('how.judge'), 'large'),
    make('div', { class: 'explained' }, ...study.labels.map(explained)),
    paragraph(say('how.place')),
    make('section', { class: 'keys' },
      make('h2', { text: say('how.keys') }),
      make('dl', {}, ...[['space', 'play'], ['arrows', 'move'], ['numbers', 'number'], ['enter', 'submit'], ['undo', 'undo']]
        .map(([key, doing]) => make('div', {}, make('dt', {}, make('kbd', { text: say(`key.${key}`) })), make('dd', { text: say(`how.key_${doing}`) }))))),
  ];
}

function explained(label) {
  return make(
    'section', {},
    make('h2', {}, make('span', { text: say(`${label}.name`) }), ' ', make('span', { class: 'soft', text: say(`${label}.question`) })),
    make('div', { class: 'row', dir: 'ltr' }, ...RATINGS.map((rating) => make(
      'figure', {}, manikin(label, rating),
      make('figcaption', { dir: 'auto' }, make('b', { text: number(rating) }), ' ', make('span', { text: say(`${label}.${rating}`) })),
    ))),
    paragraph(say(`${label}.explain`)),
  );
}

export function reference({ values, onNext }) {
  return screen(say('page.title'), [
    paragraph(say('practice.reference', { activation: number(values.activation), valence: number(values.valence) }), 'large'),
  ], { text: say('practice.next'), act: onNext });
}

export const practiceOver = ({ onNext }) => screen(
  say('practice.over'), [paragraph(say('practice.over_text'), 'large')], { text: say('practice.over_next'), act: onNext },
);

export const back = ({ study, progress, onNext }) => screen(say('back.title'), [
  study.title ? paragraph(study.title, 'of-study') : null,
  paragraph(say('back.text', { done: number(progress.done), total: number(progress.total) }), 'large'),
], { text: say('back.next'), act: onNext });

export function done({ progress, onUndo }) {
  const content = [paragraph(say('done.text', { total: number(progress.total) }), 'large')];
  if (progress.can_undo) {
    content.push(make('p', {}, make('button', { type: 'button', class: 'quiet', text: say('item.undo'), onclick: onUndo })));
  }
  return screen(say('done.title'), content);
}

export const openTwice = ({ onHere }) => screen(
  say('tabs.title'), [paragraph(say('tabs.text'), 'large')], { text: say('tabs.here'), act: onHere },
);

export const moved = ({ onHere }) => screen(
  say('tabs.title'), [paragraph(say('tabs.moved'), 'large')], { text: say('tabs.here'), act: onHere },
);

export const left = () => screen(say('leave.title'), [paragraph(say('leave.text'), 'large')]);

/** Something that ends the session, or that a reload or another try may mend. */
export function stopped({ text, action }) {
  return screen(say('error.title'), [make('p', { class: 'large', role: 'alert', text })], action);
}
