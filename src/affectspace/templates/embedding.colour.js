'use strict';

/**
 * What colours the plane: a column becomes a small number of slots, each with a look.
 * Names never reach the plots; the legend is built here, from text.
 */
const Colour = (() => {
  const MOST = 12; // looks; with more categories the 11 largest keep theirs
  const STEPS = 48; // of a numeric scale
  const SQUEEZED = 0.01; // share of a numeric column at either end that shares the end's colour

  /** @returns {{slots: Int32Array, looks: object[], numeric: object|null}} */
  function scheme(column) {
    if (!column) return { slots: new Int32Array(Rows.count), looks: [look(0)], numeric: null };
    return column.kind === 'number' ? numericScheme(column) : categoryScheme(column);
  }

  function look(slot, label = '') {
    const hues = Theme.hues();
    return {
      label, colour: hues[slot % hues.length], symbol: slot < hues.length ? 'circle' : 'diamond',
    };
  }

  const grey = (label) => ({ label, colour: Theme.grey(), symbol: 'circle' });

  function categoryScheme(column) {
    const counts = countLevels(column);
    const order = [...counts.keys()].sort((a, b) => counts[b] - counts[a]).filter((level) => counts[level] > 0);
    const kept = order.length > MOST ? order.slice(0, MOST - 1) : order;
    const slotOf = new Int32Array(column.levels.length).fill(kept.length);
    kept.forEach((level, slot) => { slotOf[level] = slot; });
    const looks = kept.map((level, slot) => look(slot, column.levels[level]));
    if (order.length > kept.length) looks.push(grey(`other (${order.length - kept.length})`));
    const none = looks.length;
    const slots = Int32Array.from(column.codes, (code) => (code < 0 ? none : slotOf[code]));
    if (column.codes.some((code, row) => code < 0 && Rows.isScored(row))) looks.push(grey('none'));
    return { slots, looks, numeric: null };
  }

  function countLevels(column) {
    const counts = new Array(column.levels.length).fill(0);
    column.codes.forEach((code, row) => {
      if (code >= 0 && Rows.isScored(row)) counts[code] += 1;
    });
    return counts;
  }

  function numericScheme(column) {
    const sorted = column.values.filter((value, row) => Number.isFinite(value) && Rows.isScored(row)).sort();
    const at = (share) => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
    let [low, high] = [at(SQUEEZED), at(1 - SQUEEZED)];
    if (!(low < high)) [low, high] = [at(0), at(1)];
    const scale = high > low ? STEPS / (high - low) : 0;
    const slotOf = (value) => Math.min(Math.max(Math.floor((value - low) * scale), 0), STEPS - 1);
    const slots = Int32Array.from(column.values, (value) => (Number.isFinite(value) ? slotOf(value) : STEPS));
    const looks = Array.from({ length: STEPS }, (_, slot) => (
      { label: '', colour: Theme.rampColour(slot / (STEPS - 1)), symbol: 'circle' }
    ));
    looks.push(grey('none'));
    const squeezed = { low: at(0) < low, high: at(1) > high };
    return { slots, looks, numeric: { low, high, squeezed } };
  }

  /** Plotly's way to say "slot k has colour k": a scale of steps, so that rows carry numbers. */
  function steps(looks) {
    const count = looks.length;
    return {
      colorscale: looks.flatMap((one, slot) => [[slot / count, one.colour], [(slot + 1) / count, one.colour]]),
      cmin: -0.5, cmax: count - 0.5,
    };
  }

  function legend(column, { looks, numeric }) {
    const place = Dom.byId('legend');
    place.className = numeric ? 'legend scale' : 'legend';
    if (!column) place.replaceChildren();
    else if (numeric) place.replaceChildren(...scaleParts(column, numeric));
    else place.replaceChildren(Dom.make('span', { className: 'name', textContent: column.label }), ...looks.map(entry));
  }

  function scaleParts(column, { low, high, squeezed }) {
    const bar = Dom.make('span', { className: 'ramp' });
    bar.style.background = `linear-gradient(to right, ${Theme.ramp().join(',')})`;
    const digits = Rows.digitsOf(column);
    return [
      Dom.make('span', { className: 'name', textContent: column.label }),
      Dom.make('span', { textContent: (squeezed.low ? '≤ ' : '') + Rows.format(low, digits) }), bar,
      Dom.make('span', { textContent: (squeezed.high ? '≥ ' : '') + Rows.format(high, digits) }),
    ];
  }

  function entry(one, slot) {
    const mark = Dom.make('span', { className: `mark ${one.symbol}` });
    mark.style.background = one.colour;
    const button = Dom.make('button', { type: 'button', title: `${one.label}: click to hide or show` }, mark,
      Dom.make('span', { textContent: one.label }));
    button.setAttribute('aria-pressed', String(!State.hiddenSlots.has(slot)));
    button.addEventListener('click', () => toggle(slot));
    return button;
  }

  function toggle(slot) {
    if (!State.hiddenSlots.delete(slot)) State.hiddenSlots.add(slot);
    Filters.apply();
    State.look();
  }

  /** The columns that can colour: those with at least two values, and not one for every row. */
  function choices() {
    return [Rows.fileColumn, Rows.folderColumn, ...Rows.columns].filter((column) => {
      if (column.name === 'message' && column.own) return false;
      if (column.kind === 'number') return new Set(column.values.filter(Number.isFinite)).size > 1;
      const many = column.levels.length;
      const withNone = many + Number(column.codes.includes(-1));
      return withNone > 1 && (many <= MOST || many <= Rows.count / 2);
    });
  }

  return { scheme, steps, legend, choices };
})();
