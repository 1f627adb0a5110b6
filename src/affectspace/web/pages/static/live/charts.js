/** The trajectory: on the plane of valence and activation, and over time. Drawn anew with each row. */

import { byId, clamp, draw } from '../shared/dom.js';

const [LOW, NEUTRAL, HIGH] = [1, 3, 5];
const TRAIL = 20; // rows on the plane
const SECONDS = 60; // over time
const PLANE = { left: 34, right: 388, top: 10, bottom: 366 };
const LANES = [{ name: 'activation', top: 14, bottom: 182 }, { name: 'valence', top: 212, bottom: 380 }];
const [LEFT, RIGHT] = [34, 618];

const between = (value, from, to) => from + ((clamp(value, LOW, HIGH) - LOW) / (HIGH - LOW)) * (to - from);
const isScored = (row) => row.status === 'ok';
const line = (kind, x1, y1, x2, y2) => draw('line', { class: kind, x1, y1, x2, y2 });
const text = (x, y, words, anchor = 'middle') => draw('text', { x, y, 'text-anchor': anchor, text: words });

export function drawCharts(rows) {
  drawPlane(rows.slice(-TRAIL));
  drawTime(rows);
}

function drawPlane(rows) {
  const { left, right, top, bottom } = PLANE;
  const x = (value) => between(value, left, right);
  const y = (value) => between(value, bottom, top);
  const parts = [
    draw('rect', { class: 'frame', x: left, y: top, width: right - left, height: bottom - top }),
    line('neutral', x(NEUTRAL), top, x(NEUTRAL), bottom), line('neutral', left, y(NEUTRAL), right, y(NEUTRAL)),
    text((left + right) / 2, 396, 'valence'),
    draw('text', { x: 0, y: 0, 'text-anchor': 'middle', transform: `translate(10 ${(top + bottom) / 2}) rotate(-90)`, text: 'activation' }),
  ];
  for (const value of [LOW, NEUTRAL, HIGH]) parts.push(text(x(value), bottom + 16, value), text(left - 6, y(value) + 4, value, 'end'));
  const scored = rows.filter(isScored);
  parts.push(draw('polyline', { class: 'trail', points: scored.map((row) => `${x(row.valence)},${y(row.activation)}`).join(' ') }));
  const last = scored.at(-1);
  if (last && typeof last.valence_low === 'number') {
    parts.push(
      line('interval', x(last.valence_low), y(last.activation), x(last.valence_high), y(last.activation)),
      line('interval', x(last.valence), y(last.activation_low), x(last.valence), y(last.activation_high)),
    );
  }
  scored.forEach((row, i) => parts.push(draw('circle', {
    class: row === last ? 'dot last' : 'dot', cx: x(row.valence), cy: y(row.activation), r: row === last ? 8 : 4, opacity: (i + 1) / scored.length,
  })));
  byId('plane').replaceChildren(...parts);
}

function drawTime(rows) {
  const end = Math.max(rows.at(-1)?.end ?? 0, SECONDS);
  const x = (seconds) => LEFT + ((seconds - end + SECONDS) / SECONDS) * (RIGHT - LEFT);
  const shown = rows.filter((row) => row.end >= end - SECONDS);
  const parts = [];
  for (const lane of LANES) parts.push(...drawLane(lane, shown, x));
  for (let seconds = Math.ceil((end - SECONDS) / 10) * 10; seconds <= end; seconds += 10) parts.push(text(x(seconds), 397, `${seconds} s`));
  byId('time').replaceChildren(...parts);
}

/** A second belongs to the row that ends with it, which is the first to know of it. */
function drawLane({ name, top, bottom }, rows, x) {
  const y = (value) => between(value, bottom, top);
  const parts = [draw('rect', { class: 'frame', x: LEFT, y: top, width: RIGHT - LEFT, height: bottom - top }), line('neutral', LEFT, y(NEUTRAL), RIGHT, y(NEUTRAL))];
  for (const value of [LOW, NEUTRAL, HIGH]) parts.push(text(LEFT - 6, y(value) + 4, value, 'end'));
  for (const run of runs(rows)) {
    const [first, last] = [run[0], run.at(-1)];
    if (!isScored(first)) {
      const from = Math.max(x(first.end - 1), LEFT);
      parts.push(draw('rect', { class: 'gap', x: from, y: top, width: Math.max(x(last.end) - from, 1), height: bottom - top }));
      if (x(last.end) - from > 44) parts.push(text((from + x(last.end)) / 2, (top + bottom) / 2, first.status.replaceAll('_', ' ')));
      continue;
    }
    if (typeof first[`${name}_low`] === 'number') {
      const edge = [...run.map((row) => [row.end, row[`${name}_high`]]), ...run.toReversed().map((row) => [row.end, row[`${name}_low`]])];
      parts.push(draw('polygon', { class: 'band', points: edge.map(([seconds, value]) => `${x(seconds)},${y(value)}`).join(' ') }));
    }
    parts.push(draw('polyline', { class: 'line', points: run.map((row) => `${x(row.end)},${y(row[name])}`).join(' ') }));
    if (last === rows.at(-1) || run.length === 1) parts.push(draw('circle', { class: 'dot', cx: x(last.end), cy: y(last[name]), r: 3.5 }));
  }
  parts.push(text(RIGHT - 4, top + 16, name, 'end'));
  return parts;
}

/** Neighbouring rows of one status, together. */
function runs(rows) {
  const found = [];
  for (const row of rows) {
    if (found.at(-1)?.[0].status === row.status) found.at(-1).push(row);
    else found.push([row]);
  }
  return found;
}
