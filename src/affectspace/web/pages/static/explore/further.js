/** Filters by any column: the values of a category, or a range of numbers. */

/* global Dom, Filters, Rows */

const MOST = 200; // values of a category that can be ticked; a search serves for more
const COVERED = new Set(['status', 'message', 'caution', 'unusualness']); // by the bar itself

/** The columns that can filter. */
function choices() {
  return [Rows.folderColumn, ...Rows.columns].filter((column) => {
    if (column.own && COVERED.has(column.name)) return false;
    if (column.kind === 'number') return Rows.hasValues(column);
    return column.levels.length + Number(column.codes.includes(-1)) > 1 && column.levels.length <= MOST;
  });
}

function extent(column) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of column.values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** Number fields; an empty one has no bound, and rows without a value pass only where both are empty. */
function rangeParts(column, changed) {
  const digits = Rows.digitsOf(column);
  const fields = extent(column).map((bound, i) => {
    const field = Dom.make('input', { type: 'number', step: 'any', placeholder: Rows.format(bound, digits) });
    field.setAttribute('aria-label', `${column.label} ${i ? 'to' : 'from'}`);
    field.addEventListener('input', Dom.debounced(changed, 180));
    return field;
  });
  const passes = () => {
    const [low, high] = fields.map((field) => field.valueAsNumber);
    if (Number.isNaN(low) && Number.isNaN(high)) return null;
    return (row) => !(column.values[row] < low) && !(column.values[row] > high) && Number.isFinite(column.values[row]);
  };
  return { parts: [fields[0], ' to ', fields[1]], passes, focus: fields[0] };
}

function categoryParts(column, changed) {
  const counts = new Array(column.levels.length + 1).fill(0); // the last is "none"
  for (const code of column.codes) counts[code < 0 ? column.levels.length : code] += 1;
  const boxes = counts.map(() => Dom.make('input', { type: 'checkbox', checked: true }));
  const order = counts.map((_, level) => level).filter((level) => counts[level] > 0)
    .sort((a, b) => (column.levels[a] ?? '\uffff').localeCompare(column.levels[b] ?? '\uffff', undefined, { numeric: true }));
  const lines = order.map((level) => {
    boxes[level].addEventListener('change', changed);
    return Dom.make('label', {}, boxes[level], ` ${column.levels[level] ?? 'none'} `,
      Dom.make('span', { className: 'count', textContent: counts[level].toLocaleString('en') }));
  });
  const all = Dom.make('button', { type: 'button', textContent: 'all or none' });
  all.addEventListener('click', () => {
    const on = boxes.some((box) => !box.checked);
    for (const box of boxes) box.checked = on;
    changed();
  });
  const summary = Dom.make('summary', { textContent: 'values' });
  const menu = Dom.make('details', { className: 'menu', open: true }, summary,
    Dom.make('fieldset', {}, Dom.make('legend', { textContent: `Show rows with ${column.label}` }), ...lines, all));
  const passes = () => {
    if (boxes.every((box) => box.checked)) return null;
    return (row) => boxes[column.codes[row] < 0 ? column.levels.length : column.codes[row]].checked;
  };
  return { parts: [menu], passes, focus: summary };
}

export function furtherFilters() {
  const columns = choices();
  const place = Dom.byId('further');
  const select = Dom.byId('add-filter');
  const active = new Map(); // of a column: its chip and what it asks

  function offer() {
    const left = columns.map((column, i) => [i, column.label]).filter(([i]) => !active.has(columns[i]));
    Dom.options(select, [[-1, 'column …'], ...left], -1);
  }

  function drop(column) {
    active.get(column).chip.remove();
    active.delete(column);
    offer();
  }

  function add(column) {
    const { parts, passes, focus } = (column.kind === 'number' ? rangeParts : categoryParts)(column, Filters.apply);
    const away = Dom.make('button', { type: 'button', textContent: '×' });
    away.setAttribute('aria-label', `Remove the filter ${column.label}`);
    away.addEventListener('click', () => {
      drop(column);
      Filters.apply();
      select.focus();
    });
    const chip = Dom.make('fieldset', { className: 'chip' }, Dom.make('legend', { textContent: column.label }), ...parts, away);
    chip.dataset.column = column.name;
    place.append(chip);
    active.set(column, { chip, passes });
    offer();
    focus.focus();
  }

  Filters.also({
    tests: () => [...active.values()].map(({ passes }) => passes()).filter(Boolean),
    clear: () => [...active.keys()].forEach(drop),
  });
  select.addEventListener('change', () => {
    const column = columns[Number(select.value)];
    if (column) add(column);
  });
  offer();
}
