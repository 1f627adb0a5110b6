/** Do the raters agree, who stands out, and on which recordings do they differ? */

import { make } from '../shared/dom.js';
import { ago, bar, count, decimals, interval, note, percent, section, table } from './tables.js';

const NOTES = {
  hurried: ['hurries', 'many ratings came sooner than the recording ends'],
  one_value: ['uses one value', 'most ratings are the same number'],
  drifts: ['drifts', 'ratings move away from the others’ over time'],
  inconsistent: ['inconsistent', 'rates the same recording differently when it comes again'],
  few: ['few ratings', 'too few to say much'],
  disagrees: ['disagrees', 'follows the others little'],
};

export function agreement(quality) {
  const measured = quality.labels.filter((label) => label.icc1 || label.alpha || label.message);
  const columns = [
    { title: 'Scale', cell: (row) => row.label },
    { title: 'ICC(1)', hint: 'one rater, any of many', cell: (row) => interval(row.icc1 ?? {}) },
    { title: 'ICC(2,1)', hint: 'one of these raters, absolute agreement', cell: (row) => interval(row.icc21 ?? {}) },
    { title: 'ICC(2,k)', hint: 'the mean of these raters', cell: (row) => interval(row.icc2k ?? {}) },
    { title: 'Krippendorff’s α', hint: 'interval scale, missing ratings allowed', cell: (row) => interval(row.alpha ?? {}) },
    { title: 'r', hint: 'mean correlation of two raters', number: true, cell: (row) => decimals(row.pairwise_r) },
    { title: 'Recordings', number: true, cell: (row) => count(row.n_items) },
    { title: 'Raters', number: true, cell: (row) => count(row.n_raters) },
  ];
  return section('agreement', 'Agreement so far',
    note('In brackets: 95 % intervals. ICC(1) and ICC(2,1) say how far one rater can be trusted, ICC(2,k) the mean of all.'),
    quality.working ? note('New ratings are being worked in; until then the figures are those from before.') : null,
    table('Agreement by scale', columns, measured),
    ...measured.filter((label) => label.message).map((label) => make('p', { class: 'notice', text: `${label.label}: ${label.message}` })));
}

function notes(words) {
  if (words.length === 0) return make('span', { class: 'soft', text: 'nothing stands out' });
  return make('span', { class: 'flags' }, ...words.map((word) => {
    const [name, hint] = NOTES[word] ?? [word, ''];
    return make('span', { class: word === 'few' ? 'flag mild' : 'flag', title: hint, text: name });
  }));
}

/** In place of an empty table: why it is empty. */
function none(quality, words) {
  return note(quality.working ? 'Being worked out.' : words);
}

/** By rater: what the service has worked out. */
function byRater(quality) {
  const known = new Map(quality.raters.map((rater) => [rater.id, rater]));
  return (row) => known.get(row.id) ?? { labels: [], notes: [] };
}

const NAME = { title: 'Rater', cell: (row) => make('bdi', { text: row.active ? row.name : `${row.name} (closed)` }) };

/** A row per rater: how far, and how. */
export function raters(progress, quality) {
  const of = byRater(quality);
  const columns = [
    NAME,
    { title: 'Done', hint: 'recordings and hidden repeats', cell: (row) => bar(row.done, row.total) },
    { title: 'Stands out', cell: (row) => notes(of(row).notes) },
    { title: 'Last seen', cell: (row) => ago(row.last) },
    { title: 'Seconds', hint: 'median time for one recording', number: true, cell: (row) => decimals(of(row).median_seconds ?? null, 1) },
    { title: 'Hurried', hint: 'share of ratings that came too soon', number: true, cell: (row) => percent(of(row).hurried_share) },
    { title: 'Replays', hint: 'median', number: true, cell: (row) => decimals(of(row).median_replays ?? null, 1) },
    { title: 'Not judged', number: true, cell: (row) => count(row.cannot_judge) },
  ];
  return section('raters', 'Raters', progress.raters.length === 0 ? note('None yet: make links below.') : table('Raters', columns, progress.raters));
}

/** A row per rater and scale: how consistent, and how close to the others. */
export function scales(progress, quality) {
  const of = byRater(quality);
  const rows = progress.raters.flatMap((rater) => of(rater).labels.map((label) => ({ ...rater, ...label })));
  const columns = [
    NAME,
    { title: 'Scale', cell: (row) => row.label },
    { title: 'r of repeats', hint: 'correlation with own hidden repeats', number: true, cell: (row) => decimals(row.repeat_r) },
    { title: 'r', hint: 'correlation with the mean of the others', number: true, cell: (row) => decimals(row.agreement_r) },
    { title: 'Bias', hint: 'mean difference from the others, in rating units', number: true, cell: (row) => decimals(row.bias) },
    { title: 'Drift', hint: 'change per 100 ratings, against the mean of the others', number: true, cell: (row) => decimals(row.drift) },
    { title: 'One value', hint: 'share of the number used most', number: true, cell: (row) => percent(row.most_used_share) },
  ];
  return section('scales', 'Raters, scale by scale', rows.length === 0 ? none(quality, 'Nothing is rated yet.') : table('Raters by scale', columns, rows));
}

const audio = new Audio(); // the table is made anew at times, and the sound goes on
let playing = null;

/** Where raters differ most, with the recording to listen to. */
export function items(quality) {
  function listen(row, button) {
    if (playing === row.item && !audio.paused) return audio.pause();
    playing = row.item;
    audio.src = `api/lead/audio/${encodeURIComponent(row.item)}`;
    return audio.play().catch(() => { button.textContent = 'Cannot be played'; });
  }
  const columns = [
    { title: 'Recording', cell: (row) => make('bdi', { class: 'file', text: row.file }) },
    { title: 'Scale', cell: (row) => row.label },
    { title: 'Raters', number: true, cell: (row) => count(row.n) },
    { title: 'Mean', number: true, cell: (row) => decimals(row.mean, 1) },
    { title: 'Spread', hint: 'from the lowest to the highest rating', number: true, cell: (row) => decimals(row.spread) },
    { title: 'Listen', cell: (row) => make('button', { type: 'button', class: 'plain', 'data-key': `${row.label}-${row.item}`, text: 'Play', 'aria-label': `Play ${row.file}`, onclick: (event) => listen(row, event.currentTarget) }) },
  ];
  const content = quality.items.length === 0 ? none(quality, 'None yet: this takes two raters of one recording.') : table('Recordings with the largest spread', columns, quality.items);
  return section('items', 'Disputed recordings', content);
}
