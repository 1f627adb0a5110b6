'use strict';

/** Distributions of what is shown, over those of all scored rows. */
const Histograms = (() => {
  const BINS = { activation: [1, 5, 32], valence: [1, 5, 32], unusualness: [0, 1, 20] };
  const NAMES = ['activation', 'valence', 'unusualness', 'duration'];
  const panels = [];

  /**
   * Where a column's bins start and end, how many there are, and whether the last holds what lies beyond: so it is
   * with durations where the longest is over twice what 99 % of them stay below.
   */
  function binning(column) {
    if (BINS[column.name]) return BINS[column.name];
    const sorted = column.values.filter(Number.isFinite).sort();
    const [usual, most] = [sorted[Math.floor(0.99 * (sorted.length - 1))], sorted[sorted.length - 1]];
    const beyond = most > 2 * usual;
    return [0, (beyond ? usual : most) * 1.05 || 1, 24, beyond];
  }

  function countBins(column, rows, [low, high, bins]) {
    const counts = new Array(bins).fill(0);
    for (const row of rows) {
      const value = column.values[row];
      if (!Number.isFinite(value) || !Rows.isScored(row)) continue;
      counts[Math.min(Math.max(Math.floor(((value - low) / (high - low)) * bins), 0), bins - 1)] += 1;
    }
    return counts;
  }

  function bars(counts, [low, high, bins], colour) {
    const width = (high - low) / bins;
    return {
      type: 'bar', hoverinfo: 'skip', y: counts, width: width * 0.94,
      x: counts.map((_, i) => low + (i + 0.5) * width), marker: { color: colour, line: { width: 0 } },
    };
  }

  function drawOne(panel) {
    const counts = countBins(panel.column, State.shown, panel.bins);
    const traces = [
      bars(panel.all, panel.bins, Theme.variable('--line')),
      bars(counts, panel.bins, Theme.variable('--accent')),
    ];
    Plotly.react(panel.place, traces, layout(panel, counts), Theme.still);
  }

  function layout(panel, counts) {
    const [low, high, , beyond] = panel.bins;
    const rating = panel.column.name in BINS && high === 5;
    return Theme.layout({
      barmode: 'overlay', dragmode: false, margin: { l: 34, r: 6, t: 6, b: 34 },
      xaxis: Theme.axis({
        title: { text: panel.column.label + (beyond ? '; last bar: or more' : ''), standoff: 4 }, range: [low, high], fixedrange: true,
        showgrid: false, ...(rating ? { tickvals: [1, 2, 3, 4, 5] } : { nticks: 6 }),
      }),
      yaxis: Theme.axis({ fixedrange: true, nticks: 4, rangemode: 'tozero' }),
      shapes: panel.column.name === 'unusualness' ? expected(counts) : [],
    });
  }

  /** Where the bars of rows like the training utterances would end. */
  function expected(counts) {
    const height = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    const line = { color: Theme.variable('--soft'), width: 1, dash: 'dot' };
    return [{ type: 'line', line, xref: 'paper', x0: 0, x1: 1, y0: height, y1: height }];
  }

  function draw() {
    panels.forEach(drawOne);
  }

  function start() {
    for (const name of NAMES) {
      const column = Rows.own.get(name);
      if (!column || !Rows.hasValues(column)) continue;
      const place = Dom.make('div', { className: 'plot', id: `histogram-${name}` });
      place.setAttribute('role', 'img');
      place.setAttribute('aria-label', `Histogram of ${name}`);
      Dom.byId('histograms').append(place);
      const bins = binning(column);
      panels.push({ column, place, bins, all: countBins(column, State.all, bins) });
    }
    draw();
    State.on('filter', draw);
    State.on('look', draw);
  }

  return { start };
})();
