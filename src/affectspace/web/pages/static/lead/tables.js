/** Numbers and tables as the lead reads them. */

import { draw, make } from '../shared/dom.js';

const NONE = '–';

export const decimals = (value, digits = 2) => (value === null || value === undefined ? NONE : value.toFixed(digits).replace(/^-/, '−'));
export const percent = (value) => (value === null || value === undefined ? NONE : `${Math.round(100 * value)} %`);
export const count = (value) => (value === null || value === undefined ? NONE : value.toLocaleString('en-GB'));

/** "1 rating", "2 ratings". */
export const plural = (value, word) => `${count(value)} ${word}${value === 1 ? '' : 's'}`;

/** "2 h ago", and the exact time in the title. */
export function ago(iso) {
  if (!iso) return make('span', { text: NONE });
  const seconds = Math.max(0, (Date.now() - Date.parse(iso)) / 1000);
  const [amount, unit] = seconds < 90 ? [seconds, 's'] : seconds < 5400 ? [seconds / 60, 'min'] : seconds < 129600 ? [seconds / 3600, 'h'] : [seconds / 86400, 'd'];
  return make('time', { datetime: iso, title: new Date(iso).toLocaleString(), text: `${Math.round(amount)} ${unit} ago` });
}

/**
 * @param {string} caption
 * @param {{title: string, hint?: string, number?: boolean, cell: (row: object) => (string | Node)}[]} columns  the first one names the row
 * @param {object[]} rows
 */
export function table(caption, columns, rows) {
  const head = make('tr', {}, ...columns.map(({ title, hint, number }) => make('th', { scope: 'col', class: number ? 'number' : null, title: hint, text: title })));
  const body = rows.map((row) => make('tr', {}, ...columns.map(({ cell, number }, place) => (
    make(place === 0 ? 'th' : 'td', { scope: place === 0 ? 'row' : null, class: number ? 'number' : null }, cell(row))
  ))));
  return make('div', { class: 'scroller', tabindex: '0', role: 'region', 'aria-label': `${caption}: table` },
    make('table', {}, make('caption', { class: 'hide', text: caption }), make('thead', {}, head), make('tbody', {}, ...body)));
}

/** How much of a whole, as a bar with its numbers beside it. */
export function bar(done, total) {
  const share = total > 0 ? Math.min(done / total, 1) : 0;
  return make('span', { class: 'share' },
    draw('svg', { viewBox: '0 0 100 8', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      draw('rect', { width: 100, height: 8, rx: 0, class: 'rest' }), draw('rect', { width: 100 * share, height: 8, class: 'part' })),
    make('span', { text: total === null ? count(done) : `${count(done)} of ${count(total)}` }));
}

/** A value with its interval on a line from 0 to 1; below 0 it is drawn at 0. */
export function interval({ value, low, high }) {
  const at = (number) => 2 + 96 * Math.min(Math.max(number, 0), 1);
  if (value === null || value === undefined) return make('span', { text: NONE });
  const shapes = [draw('line', { x1: 2, x2: 98, y1: 6, y2: 6, class: 'axis' })];
  if (low !== null && high !== null) shapes.push(draw('line', { x1: at(low), x2: at(high), y1: 6, y2: 6, class: 'span' }));
  shapes.push(draw('circle', { cx: at(value), cy: 6, r: 3.5, class: 'part' }));
  const text = low === null || high === null ? decimals(value) : `${decimals(value)} (${decimals(low)} to ${decimals(high)})`;
  return make('span', { class: 'interval' }, draw('svg', { viewBox: '0 0 100 12', 'aria-hidden': 'true' }, ...shapes), make('span', { text }));
}

export function section(id, title, ...content) {
  return make('section', { id, class: 'card', 'aria-labelledby': `${id}-title` }, make('h2', { id: `${id}-title`, text: title }), ...content);
}

export const note = (text) => make('p', { class: 'soft', text });
