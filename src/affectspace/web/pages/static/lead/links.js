/** Personal links: made, copied, renewed, closed. Whoever has a link can rate as that person. */

import { make } from '../shared/dom.js';
import { nameOfLanguage } from '../shared/wording.js';
import { note, section } from './tables.js';

/** @param {{raters: object[], languages: string[], act: (method: string, path: string, body: object, done: string) => Promise<boolean>, say: (text: string) => void}} given */
export function links({ raters, languages, act, say }) {
  return section('links', 'Links to hand out',
    note('Each rater gets a link of their own. It works like a password: send it to that person only. A new link ends the old one at once.'),
    adding({ languages, act }),
    raters.length === 0 ? note('No rater yet.') : make('ul', { class: 'people' }, ...raters.map((rater) => person(rater, { act, say }))));
}

function adding({ languages, act }) {
  const name = make('input', { type: 'text', id: 'new-name', 'data-key': 'new', maxlength: 80, required: true, autocomplete: 'off', dir: 'auto' });
  const language = make('select', { id: 'new-language' },
    make('option', { value: '', text: 'the study’s or their browser’s' }), ...languages.map((code) => make('option', { value: code, lang: code, text: nameOfLanguage(code) })));
  const form = make('form', { class: 'adding' },
    make('div', {}, make('label', { for: 'new-name', text: 'Name of a new rater' }), name),
    make('div', {}, make('label', { for: 'new-language', text: 'Language' }), language),
    make('button', { type: 'submit', class: 'primary', 'data-key': 'new', text: 'Make a link' }));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    act('POST', 'raters', { name: name.value.trim(), language: language.value || null }, `A link for ${name.value.trim()} was made.`);
  });
  return form;
}

function person(rater, { act, say }) {
  const link = make('input', { type: 'text', readonly: true, value: rater.link ?? '', class: 'link', 'aria-label': `Link of ${rater.name}`, onfocus: () => link.select() });
  const copy = make('button', { type: 'button', class: 'quiet', text: 'Copy', 'aria-label': `Copy the link of ${rater.name}`, onclick: () => copied(link, say) });
  const renew = make('button', { type: 'button', class: 'quiet', text: 'New link', 'data-key': `renew-${rater.id}`, 'aria-label': `New link for ${rater.name}`, onclick: () => {
    if (window.confirm(`Make a new link for ${rater.name}? The old one stops working.`)) act('POST', `raters/${rater.id}/link`, {}, `${rater.name} has a new link; the old one is void.`);
  } });
  const toggle = make('button', { type: 'button', class: 'quiet', 'data-key': `toggle-${rater.id}`, text: rater.active ? 'Close access' : 'Open again', 'aria-label': `${rater.active ? 'Close access' : 'Open again'}: ${rater.name}`, onclick: () => (
    act('PATCH', `raters/${rater.id}`, { active: !rater.active }, rater.active ? `${rater.name} can rate no more.` : `${rater.name} can rate again.`)
  ) });
  return make('li', { class: rater.active ? null : 'closed' },
    make('bdi', { class: 'name', text: rater.active ? rater.name : `${rater.name} (closed)` }),
    rater.active ? link : make('span', { class: 'soft', text: 'The link is closed; the ratings are kept.' }),
    make('span', { class: 'buttons' }, rater.active ? copy : null, rater.active ? renew : null, toggle));
}

/** The clipboard needs a secure context; without one the link is selected, ready for Ctrl+C. */
async function copied(link, say) {
  try {
    await navigator.clipboard.writeText(link.value);
    say('Copied.');
  } catch {
    link.focus();
    link.select();
    say('Press Ctrl+C to copy the link.');
  }
}
