/** Single marks on the plane: points, doubts, and what was dropped. */

/* global Axes, Doubts, Theme */

const SQUARES = 5000; // from so many points on, small squares, which a canvas draws much quicker

/** Fewer points are larger and more opaque. */
export function sizeOf(count) {
  if (count <= 100) return { radius: 5, opacity: 0.9 };
  if (count <= 2000) return { radius: 3.6, opacity: 0.75 };
  return count <= 10000 ? { radius: 2.5, opacity: 0.55 } : { radius: 1.6, opacity: 0.45 };
}

export function drawPoint(context, x, y, radius, symbol) {
  if (symbol === 'diamond') {
    const reach = radius * 1.25;
    context.beginPath();
    context.moveTo(x, y - reach);
    context.lineTo(x + reach, y);
    context.lineTo(x, y + reach);
    context.lineTo(x - reach, y);
    context.fill();
  } else if (radius < sizeOf(SQUARES).radius) {
    context.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
  } else {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
  }
}

/** A ring around rows with a caution, a cross through unusual ones. */
export function drawDoubts(context, rows, placeOf, radius) {
  const reach = radius + 2.2;
  context.strokeStyle = Theme.variable('--ink');
  context.lineWidth = radius < 3 ? 0.8 : 1.2;
  for (const kind of Doubts.kinds) {
    const doubtful = Doubts.of(rows, kind);
    context.globalAlpha = Doubts.strength(doubtful.length);
    context.beginPath();
    for (const row of doubtful) SIGNS[kind.sign](context, ...placeOf(row), reach);
    context.stroke();
  }
  context.globalAlpha = 1;
}

const SIGNS = {
  ring(context, px, py, reach) {
    context.moveTo(px + reach, py);
    context.arc(px, py, reach, 0, 2 * Math.PI);
  },
  cross(context, px, py, reach) {
    context.moveTo(px - reach, py - reach);
    context.lineTo(px + reach, py + reach);
    context.moveTo(px + reach, py - reach);
    context.lineTo(px - reach, py + reach);
  },
};

/** A recording that was dropped: a star with its interval and its name. */
export function drawLanded(context, one, { x, y }, { toX, toY, area }) {
  const value = (column) => (column.own ? one.values[column.name] : null) ?? NaN;
  const [px, py] = [toX(value(x)), toY(value(y))];
  if (!Number.isFinite(px) || !Number.isFinite(py)) return;
  const ends = (column) => (Axes.isRating(column) ? ['low', 'high'].map((end) => one.values[`${column.name}_${end}`] ?? NaN) : [NaN, NaN]);
  const [[left, right], [low, high]] = [ends(x), ends(y)];
  context.strokeStyle = Theme.variable('--ink');
  context.lineWidth = 2;
  context.beginPath();
  if (Number.isFinite(left)) { context.moveTo(toX(left), py); context.lineTo(toX(right), py); }
  if (Number.isFinite(low)) { context.moveTo(px, toY(low)); context.lineTo(px, toY(high)); }
  context.stroke();
  star(context, px, py, 11, Theme.variable('--ink'), Theme.variable('--paper'));
  const leftwards = px > area.left + area.width * 0.65;
  context.font = '600 13px system-ui, sans-serif';
  context.textAlign = leftwards ? 'right' : 'left';
  context.textBaseline = 'bottom';
  context.lineWidth = 4;
  context.lineJoin = 'round';
  context.strokeStyle = Theme.variable('--paper');
  const name = one.name.length > 32 ? `${one.name.slice(0, 31)}…` : one.name;
  const at = [px + (leftwards ? -12 : 12), py - 8];
  context.strokeText(name, ...at);
  context.fillStyle = Theme.variable('--ink');
  context.fillText(name, ...at);
}

function star(context, px, py, reach, fill, edge) {
  context.beginPath();
  for (let i = 0; i < 10; i += 1) {
    const angle = -Math.PI / 2 + (i * Math.PI) / 5;
    const far = i % 2 ? reach * 0.45 : reach;
    const place = [px + far * Math.cos(angle), py + far * Math.sin(angle)];
    if (i) context.lineTo(...place);
    else context.moveTo(...place);
  }
  context.closePath();
  context.fillStyle = fill;
  context.strokeStyle = edge;
  context.lineWidth = 2;
  context.stroke();
  context.fill();
}
