'use strict';

/** Activation and valence over time, for a file with several rows, or for two side by side. */
const Trajectory = (() => {
  const LABELS = ['activation', 'valence'].filter((name) => Rows.own.has(name) && Rows.hasValues(Rows.own.get(name)));
  const WINDOWS = [[0, 'nothing'], [5, '5 s'], [15, '15 s'], [60, '1 min'], [180, '3 min'], [600, '10 min']];
  const GAP = 10; // s; the line isn't drawn across a longer stretch without a scored row
  const SVG_MOST = 3000;
  const FEW_FILES = 3; // a page of so few recordings is about their course, which then comes first

  const plot = Dom.byId('trajectory');
  const rowsOfFile = new Map(); // file -> its rows, in the order of time
  let traceRows = []; // for each trace, the row of each point; null where it isn't one of rows

  const middle = (row) => (Rows.starts[row] + Rows.end(row)) / 2;

  function group() {
    for (const row of State.all) {
      if (!rowsOfFile.has(Rows.file[row])) rowsOfFile.set(Rows.file[row], []);
      rowsOfFile.get(Rows.file[row]).push(row);
    }
    for (const [file, rows] of rowsOfFile) {
      if (rows.filter(Rows.isScored).length < 2) rowsOfFile.delete(file);
      else rows.sort((a, b) => Rows.starts[a] - Rows.starts[b]);
    }
  }

  /** What to smooth over at first: about a sixtieth of the recording. */
  function usualWindow(file) {
    const rows = rowsOfFile.get(file);
    const wished = (Rows.end(rows.at(-1)) || Rows.starts[rows.at(-1)]) / 60;
    if (rows.length < 40) return 0;
    return WINDOWS.map(([seconds]) => seconds).filter((seconds) => seconds <= wished).at(-1);
  }

  /** Rows of one stretch: nothing longer than the gap between them. */
  function stretches(rows, gap) {
    const found = [];
    rows.forEach((row, i) => {
      const apart = i ? Rows.starts[row] - Rows.end(rows[i - 1]) : Infinity;
      if (i === 0 || apart > gap) found.push([]);
      found.at(-1).push(row);
    });
    return found;
  }

  /** Mean over the rows within half a window to either side, each counted by its duration. */
  function smoothed(rows, name, seconds) {
    if (!seconds) return rows.map((row) => Rows.number(name, row));
    const times = rows.map(middle);
    let [first, last, sum, weight] = [0, 0, 0, 0];
    const add = (i, sign) => {
      const duration = Math.max(Rows.end(rows[i]) - Rows.starts[rows[i]], 0.01) || 1;
      sum += sign * duration * Rows.number(name, rows[i]);
      weight += sign * duration;
    };
    return rows.map((_, i) => {
      while (last < rows.length && times[last] <= times[i] + seconds / 2) { add(last, 1); last += 1; }
      while (times[first] < times[i] - seconds / 2) { add(first, -1); first += 1; }
      return sum / weight;
    });
  }

  /**
   * Plotly reads numbers on a date axis as milliseconds, and so labels it as min:sec. But whole numbers of two or
   * four digits it reads as years: 1984 isn't 2 s then. Hence the quarter.
   */
  const milliseconds = (seconds) => Math.round(seconds * 1000) + 0.25;

  const stamp = (row) => milliseconds(middle(row));

  /** A trace, the rows of its points if they can be pointed at, and how far in front it is. */
  function push(traces, layer, trace, rows = null) {
    traces.push({ layer, rows, trace: { hoverinfo: rows ? 'none' : 'skip', ...trace } });
  }

  function tracesOf(file, hue, seconds) {
    const shown = new Set(State.shown);
    const rows = rowsOfFile.get(file).filter((row) => shown.has(row));
    const scored = rows.filter(Rows.isScored);
    const parts = stretches(scored, Math.max(GAP, seconds));
    const traces = [];
    LABELS.forEach((name, i) => {
      const panel = { yaxis: i ? 'y2' : 'y' };
      for (const part of parts) push(traces, 0, { ...band(part, name, seconds, hue), ...panel });
      push(traces, 1, { ...dots(scored, name, seconds, hue), ...panel }, scored);
      for (const part of parts) push(traces, 2, { ...line(part, name, seconds, hue), ...panel });
    });
    const left = rows.filter((row) => !Rows.isScored(row));
    if (left.length) push(traces, 1, unscored(left), left);
    return { traces, scored, left };
  }

  function band(rows, name, seconds, hue) {
    const low = smoothed(rows, `${name}_low`, seconds);
    const high = smoothed(rows, `${name}_high`, seconds);
    const times = rows.map(stamp);
    const drawn = low.every(Number.isFinite) && high.every(Number.isFinite) && rows.length > 1;
    return {
      type: 'scatter', mode: 'lines', line: { width: 0 }, fill: 'toself', fillcolor: Theme.faded(hue, 0.16),
      x: drawn ? [...times, ...times.toReversed()] : [], y: drawn ? [...high, ...low.toReversed()] : [],
    };
  }

  function line(rows, name, seconds, hue) {
    return {
      type: 'scatter', mode: 'lines', line: { width: seconds ? 2.4 : 1.4, color: hue },
      x: rows.map(stamp), y: smoothed(rows, name, seconds),
    };
  }

  function dots(rows, name, seconds, hue) {
    const type = rows.length > SVG_MOST && Theme.webgl ? 'scattergl' : 'scatter';
    const many = rows.length > 300;
    return {
      type, mode: 'markers', x: rows.map(stamp), y: rows.map((row) => Rows.number(name, row)),
      marker: { color: hue, size: many ? 4 : 6, opacity: seconds ? 0.25 : 0.9 },
    };
  }

  /** Rows without an answer, as ticks at the foot. */
  function unscored(rows) {
    return {
      type: 'scatter', mode: 'markers', x: rows.map(stamp), y: rows.map(() => 1.06),
      yaxis: LABELS.length > 1 ? 'y2' : 'y',
      marker: { symbol: 'line-ns-open', size: 8, color: Theme.grey() },
    };
  }

  const chosen = (id) => Number(Dom.byId(id).value);

  function draw() {
    const hues = Theme.hues();
    const seconds = chosen('trajectory-window');
    const files = [...new Set([chosen('trajectory-file'), chosen('trajectory-other')])].filter((file) => file >= 0);
    const parts = files.map((file, i) => tracesOf(file, hues[i], seconds));
    const traces = parts.flatMap((part) => part.traces).sort((a, b) => a.layer - b.layer);
    traceRows = traces.map(({ rows }) => rows);
    Plotly.react(plot, traces.map(({ trace }) => trace), layout(files), Theme.config);
    legend(files, hues);
    note(parts, seconds);
    mark();
  }

  function layout(files) {
    const rating = (title, domain) => Theme.axis({
      title: { text: title, standoff: 4 }, range: [0.95, 5.05], tickvals: [1, 2, 3, 4, 5], domain, fixedrange: true,
    });
    const two = LABELS.length > 1;
    return Theme.layout({
      uirevision: files.join(), ...(two ? { yaxis2: rating(LABELS[1], [0, 0.47]) } : {}),
      yaxis: rating(LABELS[0], two ? [0.53, 1] : [0, 1]),
      xaxis: Theme.axis({ ...timeAxis(files), anchor: two ? 'y2' : 'y' }),
      shapes: LABELS.map((_, i) => neutral(i ? 'y2' : 'y')),
    });
  }

  function timeAxis(files) {
    const rows = files.map((file) => rowsOfFile.get(file));
    const first = Math.min(...rows.map((one) => Rows.starts[one[0]]));
    const last = Math.max(...rows.map((one) => Rows.end(one.at(-1)) || Rows.starts[one.at(-1)]));
    const hours = last >= 3600;
    const margin = (last - first) * 0.01;
    return {
      type: 'date', range: [first - margin, last + margin].map(milliseconds), tickformat: hours ? '%-H:%M:%S' : '%-M:%S', nticks: 12, tickangle: 0,
      title: { text: hours ? 'time (h:min:s)' : 'time (min:s)', standoff: 6 },
    };
  }

  function neutral(yref) {
    const line = { color: Theme.variable('--soft'), width: 1, dash: 'dot' };
    return { type: 'line', layer: 'between', line, xref: 'paper', x0: 0, x1: 1, yref, y0: 3, y1: 3 };
  }

  function legend(files, hues) {
    Dom.byId('trajectory-legend').replaceChildren(...(files.length < 2 ? [] : files.map((file, i) => {
      const swatch = Dom.make('span', { className: 'mark circle' });
      swatch.style.background = hues[i];
      return Dom.make('span', { className: 'entry' }, swatch, Rows.fileColumn.levels[file]);
    })));
  }

  function note(parts, seconds) {
    const scored = parts.reduce((sum, part) => sum + part.scored.length, 0);
    const left = parts.reduce((sum, part) => sum + part.left.length, 0);
    Dom.byId('trajectory-note').textContent = [
      scored ? `${scored.toLocaleString('en')} scored rows are shown.` : 'No scored row of this file passes the filters.',
      left ? `Ticks at the foot: ${left.toLocaleString('en')} rows without an answer.` : '',
      seconds ? 'Dots: single rows; line: their moving mean, weighted by duration.' : '',
      Rows.isCalibrated() ? `Band: the 90 % interval of a single row${seconds ? ', smoothed likewise' : ''}.` : '',
    ].filter(Boolean).join(' ');
  }

  /** A line at the selected row, if it is in one of the files. */
  function mark() {
    if (!plot._fullLayout) return;
    const files = [chosen('trajectory-file'), chosen('trajectory-other')];
    const shapes = LABELS.map((_, i) => neutral(i ? 'y2' : 'y'));
    if (State.selected >= 0 && files.includes(Rows.file[State.selected])) {
      const x = stamp(State.selected);
      shapes.push({ type: 'line', x0: x, x1: x, yref: 'paper', y0: 0, y1: 1, line: { color: Theme.variable('--ink'), width: 1.5 } });
    }
    Plotly.relayout(plot, { shapes });
  }

  function rowAt(event) {
    const point = event.points.find((one) => traceRows[one.curveNumber]);
    return point ? traceRows[point.curveNumber][point.pointNumber] : -1;
  }

  function follow({ row, from }) {
    if (row >= 0 && from !== 'trajectory' && rowsOfFile.has(Rows.file[row])) {
      const files = [chosen('trajectory-file'), chosen('trajectory-other')];
      if (!files.includes(Rows.file[row])) {
        Dom.byId('trajectory-file').value = String(Rows.file[row]);
        draw();
        return;
      }
    }
    mark();
  }

  function fill() {
    const entries = [...rowsOfFile].map(([file, rows]) => [file, `${Rows.fileColumn.levels[file]} (${rows.length})`]);
    const longest = [...rowsOfFile].reduce((best, one) => (one[1].length > best[1].length ? one : best))[0];
    Dom.options(Dom.byId('trajectory-file'), entries, longest);
    Dom.options(Dom.byId('trajectory-other'), [[-1, 'no other'], ...entries], -1);
    Dom.options(Dom.byId('trajectory-window'), WINDOWS, usualWindow(longest));
    Dom.byId('trajectory-other').parentElement.hidden = entries.length < 2;
  }

  function start() {
    group();
    if (!rowsOfFile.size || !LABELS.length) return;
    const card = Dom.byId('trajectory-card');
    card.hidden = false;
    if (Rows.fileColumn.levels.length <= FEW_FILES) Dom.byId('filters').after(card);
    fill();
    draw();
    plot.on('plotly_hover', (event) => { if (rowAt(event) >= 0) Tooltip.show(rowAt(event), event.event); });
    plot.on('plotly_unhover', Tooltip.hide);
    plot.on('plotly_click', (event) => {
      if (rowAt(event) >= 0) State.select(rowAt(event), { from: 'trajectory', play: true });
    });
    for (const id of ['trajectory-file', 'trajectory-other', 'trajectory-window']) {
      Dom.byId(id).addEventListener('change', draw);
    }
    State.on('filter', draw);
    State.on('look', draw);
    State.on('select', follow);
  }

  return { start, smoothed, stretches };
})();
