'use strict';

/** The affect plane: every shown row that has both coordinates is a point. */
const Plane = (() => {
  const SVG_MOST = 2000; // points that are drawn as SVG; more need WebGL
  const SAMPLE = 3000; // points that stand for all where there is no WebGL
  const CELLS = 48; // of the density beneath the sample, each way

  const plot = Dom.byId('plane');
  const cross = Dom.byId('cross');
  let points = new Int32Array(); // the row of each point
  let scheme = null;
  let hovered = -1;

  function visibleRows({ x, y }) {
    return State.shown.filter((row) => Number.isFinite(x.values[row]) && Number.isFinite(y.values[row]));
  }

  /** Evenly spread through the rows, the same for the same rows. */
  function sample(rows, count) {
    return rows.filter((_, i) => Math.floor((i * count) / rows.length) !== Math.floor(((i - 1) * count) / rows.length));
  }

  function draw() {
    const { x, y } = State.axes;
    if (!x || !y) return;
    Dom.byId('plane-title').textContent = Axes.title(State.axes);
    const rows = visibleRows(State.axes);
    const sampled = rows.length > SVG_MOST && !Theme.webgl && rows.length > SAMPLE;
    points = sampled ? sample(rows, SAMPLE) : rows;
    scheme = Colour.scheme(State.colour);
    const traces = sampled ? [density(rows, State.axes)] : [];
    traces.push(scatter(rows.length), ...doubts(rows.length));
    Plotly.react(plot, traces, layout(State.axes), Theme.config);
    Colour.legend(State.colour, scheme);
    Dom.byId('plane-note').textContent = note(rows.length, sampled);
    drawCross();
  }

  function scatter(count) {
    const { x, y } = State.axes;
    const of = (values) => Array.from(points, (row) => values[row]);
    return {
      type: count > SVG_MOST && Theme.webgl ? 'scattergl' : 'scatter', mode: 'markers',
      x: of(x.values), y: of(y.values), hoverinfo: 'none',
      marker: {
        color: of(scheme.slots), ...Colour.steps(scheme.looks), ...symbols(), ...dots(points.length),
      },
    };
  }

  /** Above the points, and out of the pointer's way. */
  function doubts(count) {
    if (!Doubts.areMarked()) return [];
    const { x, y } = State.axes;
    const { size } = dots(points.length);
    return Doubts.kinds.map((kind) => ({ kind, rows: Array.from(Doubts.of(points, kind)) })).map(({ kind, rows }) => ({
      type: count > SVG_MOST && Theme.webgl ? 'scattergl' : 'scatter', mode: 'markers', hoverinfo: 'skip',
      x: rows.map((row) => x.values[row]), y: rows.map((row) => y.values[row]),
      marker: {
        symbol: kind.symbol, size: size + 4, color: Theme.variable('--ink'), opacity: Doubts.strength(rows.length),
        line: { width: size < 6 ? 0.8 : 1.2, color: Theme.variable('--ink') },
      },
    }));
  }

  function symbols() {
    if (scheme.looks.every((look) => look.symbol === 'circle')) return {};
    return { symbol: Array.from(points, (row) => scheme.looks[scheme.slots[row]].symbol) };
  }

  /** Fewer points are larger and more opaque. */
  function dots(count) {
    const line = { width: count > SVG_MOST ? 0 : 0.6, color: Theme.variable('--paper') };
    if (count <= 100) return { size: 10, opacity: 0.9, line };
    if (count <= SVG_MOST) return { size: 7, opacity: 0.75, line };
    return count <= 10000 ? { size: 5, opacity: 0.55, line } : { size: 3.5, opacity: 0.4, line };
  }

  function density(rows, { x, y }) {
    const [xs, ys] = [x, y].map(Axes.range);
    const z = Array.from({ length: CELLS }, () => new Array(CELLS).fill(0));
    const cell = (value, [low, high]) => Math.min(Math.max(Math.floor(((value - low) / (high - low)) * CELLS), 0), CELLS - 1);
    for (const row of rows) z[cell(y.values[row], ys)][cell(x.values[row], xs)] += 1;
    const centre = ([low, high], i) => low + ((i + 0.5) * (high - low)) / CELLS;
    return {
      type: 'heatmap', hoverinfo: 'skip', showscale: false, zsmooth: 'best',
      x: z.map((_, i) => centre(xs, i)), y: z.map((_, i) => centre(ys, i)),
      z: z.map((line) => line.map(Math.sqrt)),
      colorscale: [[0, 'rgba(128,128,128,0)'], [1, 'rgba(128,128,128,0.55)']],
    };
  }

  function layout({ x, y }) {
    const side = (column) => Theme.axis({
      title: { text: axisTitle(column), standoff: 6 }, range: Axes.range(column),
      ...(Axes.isRating(column) ? { tickvals: [1, 2, 3, 4, 5] } : {}),
    });
    return Theme.layout({
      xaxis: side(x), yaxis: side(y), shapes: neutral(x, y), annotations: corners(x, y),
      // keeps a zoom while rows are filtered
      uirevision: `${Rows.columns.indexOf(x)},${Rows.columns.indexOf(y)}`,
    });
  }

  /** Only the names of our own columns go to the plots: an input's name could hold markup. */
  function axisTitle(column) {
    if (Axes.isRating(column)) return `${column.name} (1 to 5)`;
    return column.own ? column.label : '';
  }

  function neutral(x, y) {
    const line = { color: Theme.variable('--soft'), width: 1.5, dash: 'dot' };
    const shapes = [];
    if (Axes.isRating(x)) shapes.push({ type: 'line', layer: 'between', line, x0: 3, x1: 3, yref: 'paper', y0: 0, y1: 1 });
    if (Axes.isRating(y)) shapes.push({ type: 'line', layer: 'between', line, y0: 3, y1: 3, xref: 'paper', x0: 0, x1: 1 });
    return shapes;
  }

  function corners(x, y) {
    if (!Axes.isAffectPlane({ x, y })) return [];
    return Axes.CORNERS.map(([right, top, text]) => ({
      text, showarrow: false, xref: 'paper', yref: 'paper', x: right, y: top,
      xanchor: right ? 'right' : 'left', yanchor: top ? 'top' : 'bottom',
      font: { color: Theme.variable('--soft'), size: 13 }, borderpad: 4, bgcolor: Theme.faded(Theme.variable('--paper'), 0.6),
    }));
  }

  function note(count, sampled) {
    const drawn = sampled
      ? `Dots: ${points.length.toLocaleString('en')} of ${count.toLocaleString('en')} rows, evenly picked, as this browser has no WebGL; shading: the density of all. `
      : `${count.toLocaleString('en')} ${count === 1 ? 'row' : 'rows'} with both values. `;
    return drawn + (Rows.isCalibrated() ? 'The cross of a row is its 90 % interval. ' : '')
      + 'Drag to zoom, double-click to zoom out, click a point for more.';
  }

  /** The interval of the hovered row, else of the selected one, drawn above the plot. */
  function drawCross() {
    cross.replaceChildren();
    if (!plot._fullLayout || !State.axes.x) return;
    for (const row of new Set([State.selected, hovered])) {
      if (row >= 0) cross.append(...crossParts(row));
    }
  }

  function crossParts(row) {
    const { x, y } = State.axes;
    const [px, py] = [toPixel('x', x.values[row]), toPixel('y', y.values[row])];
    if (![px, py].every(Number.isFinite)) return [];
    const parts = [shape('circle', { cx: px, cy: py, r: 8 })];
    const across = interval(x, row).map((value) => toPixel('x', value));
    const up = interval(y, row).map((value) => toPixel('y', value));
    if (across.length) parts.push(...bar(across, (v) => ({ x: v, y: py })));
    if (up.length) parts.push(...bar(up, (v) => ({ x: px, y: v })));
    return parts;
  }

  function interval(column, row) {
    if (!Axes.isRating(column)) return [];
    return ['low', 'high'].map((end) => Rows.number(`${column.name}_${end}`, row)).filter(Number.isFinite);
  }

  function bar([from, to], at) {
    const [a, b] = [at(from), at(to)];
    const flat = a.y === b.y;
    const cap = (p) => shape('line', {
      x1: p.x - (flat ? 0 : 5), x2: p.x + (flat ? 0 : 5), y1: p.y - (flat ? 5 : 0), y2: p.y + (flat ? 5 : 0),
    });
    return [shape('line', { x1: a.x, y1: a.y, x2: b.x, y2: b.y }), cap(a), cap(b)];
  }

  function shape(tag, attributes) {
    const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  /** Where a value lies, in pixels from the plot's corner; beyond the plot's area it is its edge. */
  function toPixel(letter, value) {
    const { _size: size, xaxis, yaxis } = plot._fullLayout;
    const [low, high] = letter === 'x' ? xaxis.range : yaxis.range;
    const share = (value - low) / (high - low);
    if (!Number.isFinite(share)) return NaN;
    const inside = Math.min(Math.max(share, 0), 1);
    return letter === 'x' ? size.l + inside * size.w : size.t + (1 - inside) * size.h;
  }

  function hover(event) {
    const point = event.points.find((one) => one.data.hoverinfo === 'none');
    if (!point) return;
    hovered = points[point.pointNumber];
    Tooltip.show(hovered, event.event);
    drawCross();
  }

  function unhover() {
    hovered = -1;
    Tooltip.hide();
    drawCross();
  }

  function start() {
    State.axes = Axes.defaults();
    draw();
    if (!State.axes.x) return;
    plot.on('plotly_hover', hover);
    plot.on('plotly_unhover', unhover);
    plot.on('plotly_click', (event) => {
      const point = event.points.find((one) => one.data.hoverinfo === 'none');
      if (point) State.select(points[point.pointNumber], { from: 'plane', play: true });
    });
    plot.on('plotly_relayout', drawCross);
    plot.on('plotly_afterplot', drawCross);
    State.on('filter', draw);
    State.on('look', draw);
    State.on('select', drawCross);
  }

  return { start, rowsOfPoints: () => points };
})();
