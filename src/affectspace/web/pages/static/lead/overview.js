/** How far the study is: ratings, recordings by how often they were rated, ratings by day. */

import { draw, make } from '../shared/dom.js';
import { bar, count, note, plural, section } from './tables.js';

export function overview(progress) {
  const figures = [
    [progress.ratings, progress.expected === null ? 'ratings' : `of ${count(progress.expected)} ratings`],
    [progress.repeats, 'hidden repeats'],
    [progress.cannot_judge, 'could not be judged'],
    [progress.raters.filter((rater) => rater.done > 0).length, `of ${count(progress.raters.length)} raters have begun`],
    [progress.open_items, `of ${count(progress.items)} recordings are given out now`],
  ];
  const wanted = progress.raters_per_item;
  return section('overview', 'Progress',
    note(progress.in_words),
    make('dl', { class: 'figures' }, ...figures.map(([value, words]) => make('div', {}, make('dt', { text: words }), make('dd', { text: count(value) })))),
    make('div', { class: 'pair' },
      make('div', {}, make('h3', { text: 'Recordings by number of ratings' }),
        note(wanted === null ? 'Every rater rates every recording.' : `Wanted: ${plural(wanted, 'rating')} for each recording.`),
        make('ul', { class: 'bars' }, ...progress.coverage.map(({ ratings, items }) => make('li', {},
          make('span', { text: plural(ratings, 'rating') }), bar(items, progress.open_items))))),
      make('div', {}, make('h3', { text: 'Ratings by day' }), days(progress.by_day))));
}

function days(list) {
  if (list.length === 0) return note('None yet.');
  const shown = list.slice(-30);
  const most = Math.max(...shown.map((day) => day.ratings), 1);
  const width = 100 / Math.max(shown.length, 7);
  const [first, last] = [shown[0], shown[shown.length - 1]];
  const words = `${first.day} to ${last.day}, at most ${count(most)} on a day; ${count(last.ratings)} on the last`;
  return make('figure', { class: 'days' },
    draw('svg', { viewBox: '0 0 100 40', preserveAspectRatio: 'none', role: 'img', 'aria-label': words }, ...shown.map((day, i) => {
      const height = (38 * day.ratings) / most;
      return draw('rect', { x: i * width + width * 0.1, y: 40 - height, width: width * 0.8, height, class: 'part' });
    })),
    make('figcaption', { class: 'soft', text: words }));
}
