/** The affect plane on a canvas: quick with 50,000 points. What moves with the pointer has a canvas of its own. */

/* global Axes, Colour, Dom, Doubts, Rows, State, Theme */
import { drawAxes } from './axes.js';
import { drawDoubts, drawLanded, drawPoint, sizeOf } from './marks.js';

const EDGE = { left: 46, right: 12, top: 12, bottom: 42 };
const NEAR = 14; // px within which a point is meant
const FAINT = 0.16; // opacity of what isn't selected

export function makePlane({ isMarked }) {
  const [points, over] = [Dom.byId('points'), Dom.byId('over')];
  let size = { width: 0, height: 0 };
  let view = null; // what is seen of both axes
  let drawn = new Int32Array(); // the rows that have a point
  const [px, py] = [new Float32Array(Rows.count), new Float32Array(Rows.count)]; // where they are
  let scheme = null;
  let landed = []; // what was dropped: {name, values, low, high} by column
  let hovered = -1;
  let trace = null; // of a lasso that is being drawn

  const area = () => ({
    left: EDGE.left, top: EDGE.top, width: Math.max(size.width - EDGE.left - EDGE.right, 1), height: Math.max(size.height - EDGE.top - EDGE.bottom, 1),
  });
  const toX = (value) => area().left + ((value - view.x[0]) / (view.x[1] - view.x[0])) * area().width;
  const toY = (value) => area().top + (1 - (value - view.y[0]) / (view.y[1] - view.y[0])) * area().height;
  const fromX = (across) => view.x[0] + ((across - area().left) / area().width) * (view.x[1] - view.x[0]);
  const fromY = (down) => view.y[0] + (1 - (down - area().top) / area().height) * (view.y[1] - view.y[0]);
  const scales = () => ({ toX, toY, area: area(), view });

  const placeOf = (row) => [px[row], py[row]];

  function fitCanvas(canvas) {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext('2d');
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, size.width, size.height);
    return context;
  }

  function clipped(context, action) {
    const { left, top, width, height } = area();
    context.save();
    context.beginPath();
    context.rect(left, top, width, height);
    context.clip();
    action();
    context.restore();
  }

  function draw() {
    if (!view || !size.width) return;
    const { x, y } = State.axes;
    const context = fitCanvas(points);
    Dom.byId('plane-title').textContent = Axes.title(State.axes);
    scheme = Colour.scheme(State.colour);
    drawn = State.shown.filter((row) => Number.isFinite(x.values[row]) && Number.isFinite(y.values[row]));
    for (const row of drawn) [px[row], py[row]] = [toX(x.values[row]), toY(y.values[row])];
    drawAxes(context, State.axes, scales());
    clipped(context, () => {
      const { radius, opacity } = sizeOf(drawn.length);
      if (State.picked) drawAll(context, drawn.filter((row) => !isMarked(row)), radius, FAINT);
      const strong = State.picked ? drawn.filter(isMarked) : drawn;
      drawAll(context, strong, radius, State.picked ? Math.max(opacity, 0.8) : opacity);
      if (Doubts.areMarked()) drawDoubts(context, strong, placeOf, radius);
    });
    Colour.legend(State.colour, scheme);
    const { length } = drawn;
    Dom.byId('plane-note').textContent = `${length.toLocaleString('en')} ${length === 1 ? 'row' : 'rows'} with both values.${Rows.isCalibrated() ? ' The bars through the chosen row are its 90 % intervals.' : ''}`;
    drawOver();
  }

  /** In the table's order, so that no category lies on top of all others. */
  function drawAll(context, rows, radius, opacity) {
    let slot = -1;
    context.globalAlpha = opacity;
    for (const row of rows) {
      if (scheme.slots[row] !== slot) {
        slot = scheme.slots[row];
        context.fillStyle = scheme.looks[slot].colour;
      }
      drawPoint(context, px[row], py[row], radius, scheme.looks[slot].symbol);
    }
    context.globalAlpha = 1;
  }

  function drawOver() {
    if (!view || !size.width) return;
    const context = fitCanvas(over);
    clipped(context, () => {
      for (const row of new Set([State.selected, hovered])) if (row >= 0) drawCross(context, row);
      for (const one of landed) drawLanded(context, one, State.axes, scales());
      if (trace) drawTrace(context);
    });
  }

  function drawCross(context, row) {
    const { x, y } = State.axes;
    const [across, up] = [toX(x.values[row]), toY(y.values[row])];
    if (!Number.isFinite(across) || !Number.isFinite(up)) return;
    const ends = (column) => (Axes.isRating(column) ? ['low', 'high'].map((end) => Rows.number(`${column.name}_${end}`, row)) : [NaN, NaN]);
    const [[left, right], [low, high]] = [ends(x), ends(y)];
    context.strokeStyle = Theme.variable('--ink');
    context.lineWidth = 1.6;
    context.beginPath();
    context.arc(across, up, 8, 0, 2 * Math.PI);
    if (Number.isFinite(left)) { context.moveTo(toX(left), up); context.lineTo(toX(right), up); }
    if (Number.isFinite(low)) { context.moveTo(across, toY(low)); context.lineTo(across, toY(high)); }
    context.stroke();
  }

  function drawTrace(context) {
    context.strokeStyle = Theme.variable('--accent');
    context.fillStyle = Theme.faded(Theme.variable('--accent'), 0.14);
    context.lineWidth = 1.5;
    context.setLineDash([5, 3]);
    context.beginPath();
    trace.forEach((place, i) => (i ? context.lineTo(...place) : context.moveTo(...place)));
    context.closePath();
    context.fill();
    context.stroke();
    context.setLineDash([]);
  }

  function fit() {
    if (!State.axes.x || !State.axes.y) return;
    view = { x: Axes.range(State.axes.x), y: Axes.range(State.axes.y) };
    draw();
  }

  /** Zoom by a factor about a place in pixels, the middle of the plane if there is none. */
  function zoom(factor, across = area().left + area().width / 2, down = area().top + area().height / 2) {
    const about = ([low, high], centre) => [centre + (low - centre) * factor, centre + (high - centre) * factor];
    view = { x: about(view.x, fromX(across)), y: about(view.y, fromY(down)) };
    draw();
  }

  function move(dx, dy) {
    const [across, up] = [(dx / area().width) * (view.x[1] - view.x[0]), (dy / area().height) * (view.y[1] - view.y[0])];
    view = { x: view.x.map((value) => value - across), y: view.y.map((value) => value + up) };
    draw();
  }

  /** The row whose point is nearest to a place, within reach; the later of equal ones, which is on top. */
  function nearest(across, down) {
    let [found, best] = [-1, NEAR ** 2];
    for (const row of drawn) {
      const distance = (px[row] - across) ** 2 + (py[row] - down) ** 2;
      if (distance <= best) [found, best] = [row, distance];
    }
    return found;
  }

  /** The next point in a direction, for the arrow keys; from no point, the one in the middle. */
  function next(row, dx, dy) {
    const { left, top, width, height } = area();
    const start = row >= 0 && drawn.includes(row) ? placeOf(row) : [left + width / 2, top + height / 2];
    let [found, best] = [-1, Infinity];
    for (const other of drawn) {
      const [x, y] = placeOf(other);
      const along = (x - start[0]) * dx + (y - start[1]) * dy;
      const aside = Math.abs((x - start[0]) * dy + (y - start[1]) * dx);
      const cost = row >= 0 ? along + 3 * aside : Math.abs(along) + aside;
      if (other !== row && (row < 0 || along > 0.5) && cost < best) [found, best] = [other, cost];
    }
    return found;
  }

  function hover(row) {
    if (hovered === row) return;
    hovered = row;
    drawOver();
  }

  function show(places) {
    landed = places;
    drawOver();
  }

  function outline(places) {
    trace = places;
    drawOver();
  }

  function start() {
    State.axes = Axes.defaults();
    let before = State.axes;
    new ResizeObserver(([entry]) => {
      size = { width: entry.contentRect.width, height: entry.contentRect.height };
      draw();
    }).observe(Dom.byId('stage'));
    fit();
    State.on('pick', draw); // which follows each change of the filters too
    State.on('look', () => {
      if (before === State.axes) draw();
      else fit();
      before = State.axes;
    });
    State.on('select', drawOver);
    Dom.byId('fit').addEventListener('click', fit);
    Dom.byId('closer').addEventListener('click', () => zoom(0.7));
    Dom.byId('farther').addEventListener('click', () => zoom(1 / 0.7));
  }

  return {
    start, fit, zoom, move, nearest, next, hover, show, outline, placeOf, rows: () => drawn,
  };
}
