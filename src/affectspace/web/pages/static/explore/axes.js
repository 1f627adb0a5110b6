/** The plane's ground: axes, grid, the neutral lines, and words in the corners. */

/* global Axes, Theme */

/** Round numbers within a range, up to about seven. */
function ticks([low, high]) {
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, i) => {
    const value = (first + i) * step;
    return [value, value.toFixed(Math.min(digits, 12))];
  });
}

function ticksOf(column, range) {
  const whole = [1, 2, 3, 4, 5].filter((value) => value >= range[0] && value <= range[1]);
  return Axes.isRating(column) && whole.length > 2 ? whole.map((value) => [value, String(value)]) : ticks(range);
}

function line(context, x1, y1, x2, y2) {
  context.beginPath();
  context.moveTo(x1, y1);
  context.lineTo(x2, y2);
  context.stroke();
}

export function drawAxes(context, { x, y }, { toX, toY, area, view }) {
  const { left, top, width, height } = area;
  context.font = '12px system-ui, sans-serif';
  context.fillStyle = Theme.variable('--soft');
  context.strokeStyle = Theme.variable('--line');
  context.lineWidth = 1;
  context.textAlign = 'center';
  context.textBaseline = 'top';
  for (const [value, text] of ticksOf(x, view.x)) {
    line(context, toX(value), top, toX(value), top + height);
    context.fillText(text, toX(value), top + height + 5);
  }
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  for (const [value, text] of ticksOf(y, view.y)) {
    line(context, left, toY(value), left + width, toY(value));
    context.fillText(text, left - 6, toY(value));
  }
  context.strokeStyle = Theme.variable('--soft');
  context.lineWidth = 1.5;
  context.setLineDash([2, 4]);
  if (Axes.isRating(x) && view.x[0] < 3 && view.x[1] > 3) line(context, toX(3), top, toX(3), top + height);
  if (Axes.isRating(y) && view.y[0] < 3 && view.y[1] > 3) line(context, left, toY(3), left + width, toY(3));
  context.setLineDash([]);
  titles(context, { x, y }, area);
  if (Axes.isAffectPlane({ x, y })) corners(context, area);
}

function titles(context, { x, y }, { left, top, width, height }) {
  const text = (column) => (Axes.isRating(column) ? `${column.name} (1 to 5)` : column.label);
  context.fillStyle = Theme.variable('--ink');
  context.textAlign = 'center';
  context.textBaseline = 'bottom';
  context.fillText(text(x), left + width / 2, top + height + 38, width);
  context.save();
  context.translate(13, top + height / 2);
  context.rotate(-Math.PI / 2);
  context.textBaseline = 'middle';
  context.fillText(text(y), 0, 0, height);
  context.restore();
}

function corners(context, { left, top, width, height }) {
  context.fillStyle = Theme.variable('--soft');
  context.font = '13px system-ui, sans-serif';
  for (const [right, up, text] of Axes.CORNERS) {
    context.textAlign = right ? 'right' : 'left';
    context.textBaseline = up ? 'top' : 'bottom';
    context.fillText(text, right ? left + width - 13 : left + 13, up ? top + 12 : top + height - 12);
  }
}
