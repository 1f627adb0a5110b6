/**
 * Small figures that show what a rating means: a face for valence, a body for activation, a stance for dominance.
 * Each is drawn from the rating itself, so that half steps have pictures of their own. Lines take the text's colour.
 */

import { clamp, draw } from './dom.js';

const SIZE = 48;
const round = (number) => Math.round(number * 100) / 100;
const mix = (low, high, share) => low + (high - low) * share;
const points = (...pairs) => pairs.map(([x, y]) => `${round(x)} ${round(y)}`);

const line = (d, more = {}) => draw('path', { d, class: 'stroke', ...more });
const dot = (x, y, r) => draw('circle', { cx: round(x), cy: round(y), r: round(r), class: 'ink' });
const disc = (x, y, r) => draw('circle', { cx: round(x), cy: round(y), r: round(r), class: 'skin' });

/** -1 for the rating 1, 0 for 3, 1 for 5. */
const centred = (rating) => clamp((rating - 3) / 2, -1, 1);

/** A mouth from frown (-1) to smile (1), open by 0 to 1. */
function mouth(x, y, half, mood, open) {
  const bend = mood * half * 0.95;
  const [left, right] = points([x - half, y - bend * 0.45], [x + half, y - bend * 0.45]);
  const lower = bend + open * half * 1.1;
  const upper = bend - open * half * 0.9;
  if (open < 0.08) return line(`M${left}Q${round(x)} ${round(y + bend)} ${right}`);
  const [under, over] = points([x, y + lower], [x, y + upper]);
  return draw('path', { d: `M${left}Q${under} ${right}Q${over} ${left}Z`, class: 'stroke mouth' });
}

/** An eye from closed (0) to wide (1). */
function eye(x, y, size, open) {
  if (open < 0.15) {
    const [left, low, right] = points([x - size, y - 0.2], [x, y + size * 0.9], [x + size, y - 0.2]);
    return [line(`M${left}Q${low} ${right}`)];
  }
  const tall = size * mix(0.35, 1.15, open);
  return [draw('ellipse', { cx: round(x), cy: round(y), rx: round(size * mix(0.7, 0.8, open)), ry: round(tall), class: 'ink' })];
}

/** Level, whatever the mood: a slant would say anger or sadness, and valence says neither. */
function brow(x, y) {
  const [from, to] = points([x - 3.2, y], [x + 3.2, y]);
  return line(`M${from}L${to}`);
}

/** A face that fills the picture: what one feels shows in mouth and brows. */
function face(rating) {
  const mood = centred(rating);
  const lift = mood * 1.2;
  return [
    disc(24, 24, 19),
    ...eye(17, 20.5 - lift * 0.3, 2.6, 0.55), ...eye(31, 20.5 - lift * 0.3, 2.6, 0.55),
    brow(16.8, 14.2 - lift), brow(31.2, 14.2 - lift),
    mouth(24, 31.5, 8.6, mood, 0),
  ];
}

/** Short lines around the head, more and longer with energy. */
function rays(x, y, energy) {
  const strength = clamp((energy + 0.25) / 1.25, 0, 1);
  if (strength < 0.2) return [];
  return [-78, -46, 46, 78].filter((_, i) => strength > 0.55 || i === 1 || i === 2).map((degrees) => {
    const angle = radians(degrees);
    const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
    const [from, to] = [12.8, 12.8 + 4.6 * strength].map((r) => [x + sin * r, y - cos * r]);
    const [a, b] = points(from, to);
    return line(`M${a}L${b}`, { class: 'stroke thin' });
  });
}

/** Through `low` at -1, `middle` at 0 and `high` at 1. */
const through = (low, middle, high, at) => (at < 0 ? mix(middle, low, -at) : mix(middle, high, at));
const radians = (degrees) => (degrees * Math.PI) / 180;

/** An arm from the shoulder: hanging at energy -1, bent at 0, thrown up at 1. */
function arm(side, x, y, energy) {
  const upper = radians(through(86, 58, -8, energy));
  const lower = radians(through(90, 22, -74, energy));
  const elbow = [x + side * Math.cos(upper) * 8.5, y + Math.sin(upper) * 8.5];
  const hand = [elbow[0] + side * Math.cos(lower) * 8, elbow[1] + Math.sin(lower) * 8];
  const [a, b, c] = points([x, y], elbow, hand);
  return line(`M${a}L${b}L${c}`);
}

/** A whole figure: energy shows in its eyes, arms and height. Its mouth opens and neither smiles nor frowns. */
function figure(rating, mood = 0) {
  const energy = centred(rating);
  const sunk = Math.max(0, -energy);
  const x = 24 + sunk * 2;
  const y = 16.5 - energy * 1.2 + sunk * 2.6;
  const shoulder = 32.5 - energy * 1.6 + sunk * 1.2;
  const open = clamp(energy, 0, 1) * 0.75;
  const eyes = (energy + 1) / 2;
  const [left, right, hipRight, hipLeft] = points([16.5, shoulder], [31.5, shoulder], [30, 47], [18, 47]);
  return [
    ...rays(x, y, energy),
    draw('path', { d: `M${left}Q24 ${round(shoulder - 3.5)} ${right}L${hipRight}L${hipLeft}Z`, class: 'skin' }),
    arm(-1, 16.5, shoulder + 0.6, energy), arm(1, 31.5, shoulder + 0.6, energy),
    disc(x, y, 10.4),
    ...eye(x - 4, y - 1.8, 2.1, eyes), ...eye(x + 4, y - 1.8, 2.1, eyes),
    mouth(x, y + 4.4, 3.6, mood, open),
  ];
}

/** A stance: small and closed, or large with elbows out. */
function stance(rating) {
  const power = centred(rating);
  const scale = mix(0.55, 1, (power + 1) / 2);
  const foot = 45;
  const at = (x, y) => [24 + x * scale, foot - y * scale];
  const reach = mix(6.2, 12.5, (power + 1) / 2);
  const [hipL, hipR, shoulderL, shoulderR, elbowL, elbowR, handL, handR] = points(
    at(-5, 8), at(5, 8), at(-7, 23), at(7, 23), at(-reach, 16), at(reach, 16), at(-4.6, 11.5), at(4.6, 11.5),
  );
  const [x, y] = at(0, 33);
  const [footL, footR] = points(at(-mix(3.5, 8, (power + 1) / 2), 0), at(mix(3.5, 8, (power + 1) / 2), 0));
  const [neck] = points(at(0, 26));
  return [
    line(`M5 46.6L43 46.6`, { class: 'stroke thin' }),
    line(`M${hipL}L${footL}`), line(`M${hipR}L${footR}`),
    draw('path', { d: `M${shoulderL}Q${neck} ${shoulderR}L${hipR}L${hipL}Z`, class: 'skin' }),
    line(`M${shoulderL}L${elbowL}L${handL}`), line(`M${shoulderR}L${elbowR}L${handR}`),
    disc(x, y, 7.4 * scale), dot(x - 2.6 * scale, y - 0.6, 1.1), dot(x + 2.6 * scale, y - 0.6, 1.1),
  ];
}

const DRAWN = { valence: face, activation: figure, dominance: stance };

/** The picture of a rating on a scale (`activation`, `valence`, `dominance`), as an SVG without a name of its own. */
export function manikin(scale, rating) {
  return picture(DRAWN[scale](rating));
}

/** One figure for both ratings: its body shows activation, its face valence. */
export function bothAtOnce(activation, valence) {
  return picture(figure(activation, centred(valence)));
}

function picture(shapes) {
  return draw('svg', { viewBox: `0 0 ${SIZE} ${SIZE}`, class: 'manikin', 'aria-hidden': 'true', focusable: 'false' }, ...shapes);
}
