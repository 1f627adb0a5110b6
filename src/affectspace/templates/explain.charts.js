'use strict';

/** The data of the page, and its charts in the reader's scheme. */
const Data = JSON.parse(document.getElementById('data').textContent);

const Charts = (() => {
  const drawn = new Map();

  const colour = (hue) => (hue < 0 ? Theme.grey() : Theme.hues()[hue % Theme.hues().length]);

  /** Numbers as colours: the scheme's ramp, and its key where there is room for one. */
  function ramped(marker, roomy) {
    const stops = Theme.ramp();
    const colorscale = stops.map((stop, i) => [i / (stops.length - 1), stop]);
    return { ...marker, colorscale, showscale: roomy };
  }

  function painted(trace, roomy) {
    if (Array.isArray(trace.marker?.color)) return { ...trace, marker: ramped(trace.marker, roomy) };
    if (trace.hue === undefined) return trace;
    const own = { color: colour(trace.hue) };
    return {
      ...trace, marker: { ...trace.marker, ...own }, line: { ...trace.line, ...own },
      error_x: trace.error_x ? { ...trace.error_x, ...own } : undefined,
    };
  }

  function dressed(layout) {
    const shapes = (layout.shapes ?? []).map((shape) => (
      { ...shape, layer: 'below', line: { width: 1, color: Theme.variable('--soft'), ...shape.line } }
    ));
    return Theme.layout({
      margin: { l: 10, r: 10, t: 10, b: 44 }, legend: { orientation: 'h', y: 1.02, yanchor: 'bottom' },
      ...layout, shapes,
      xaxis: Theme.axis({ zeroline: true, zerolinecolor: Theme.variable('--soft'), ...layout.xaxis }),
      yaxis: Theme.axis({ fixedrange: true, ...layout.yaxis }),
    });
  }

  /** Draw a chart in an element, and again when the scheme changes. */
  function draw(element, chart) {
    drawn.set(element, chart);
    element.style.height = `${chart.layout.height}px`;
    const roomy = element.clientWidth > 480;
    const traces = chart.traces.map((trace) => painted(trace, roomy));
    Plotly.react(element, traces, dressed(chart.layout), Theme.still);
  }

  function again() {
    for (const [element, chart] of drawn) draw(element, chart);
  }

  for (const element of document.querySelectorAll('[data-chart]')) {
    draw(element, Data.charts[element.dataset.chart]);
  }
  for (const select of document.querySelectorAll('[data-views]')) {
    const element = select.closest('.card').querySelector('[data-chart]');
    select.addEventListener('change', () => {
      const view = select.options[select.selectedIndex].textContent;
      draw(element, Data.charts[`${select.dataset.views}.${view}`]);
    });
  }
  Theme.dark.addEventListener('change', again);
  window.addEventListener('beforeprint', () => { document.documentElement.dataset.print = ''; again(); });
  window.addEventListener('afterprint', () => { delete document.documentElement.dataset.print; again(); });
  return { draw };
})();
