'use strict';

/** All rows that are listed, sortable; only those in view are in the document. */
const RowTable = (() => {
  const HEIGHT = 30; // px of a row, as in the style sheet
  const SPARE = 8; // rows beyond the view, above and below
  const HIDDEN = /^(activation|valence)_(low|high)$/;
  const FIRST = ['activation', 'valence', 'unusualness', 'status', 'caution', 'message', 'duration'];

  const scroller = Dom.byId('scroller');
  const fields = tableFields();
  let order = State.shown; // rows as sorted
  let sorting = { field: null, descending: false };
  let drawn = [-1, -1];
  let head = null;
  let body = null;

  function tableFields() {
    const file = { label: 'file', wide: true, shown: Rows.path, key: ranks(Rows.fileColumn) };
    const span = { label: 'span', shown: Rows.span, key: (row) => Rows.starts[row], number: true };
    const first = FIRST.map((name) => Rows.own.get(name)).filter((column) => column && Rows.hasValues(column));
    const rest = Rows.columns.filter((column) => !(column.own && HIDDEN.test(column.name)) && Rows.hasValues(column));
    return [file, span, ...new Set([...first, ...rest])].map((one) => (one.name ? field(one) : one));
  }

  function field(column) {
    const numeric = column.kind === 'number';
    const wide = column.name === 'message' && column.own;
    return {
      label: column.label, wide, number: numeric, calibrated: hasInterval(column),
      shown: (row) => Rows.shown(column, row), interval: (row) => interval(column, row),
      key: numeric ? (row) => column.values[row] : ranks(column),
    };
  }

  function hasInterval(column) {
    const low = column.own ? Rows.own.get(`${column.name}_low`) : null;
    return Boolean(low && Rows.hasValues(low));
  }

  function interval(column, row) {
    const [low, high] = [Rows.number(`${column.name}_low`, row), Rows.number(`${column.name}_high`, row)];
    return Number.isFinite(low) ? `${low.toFixed(2)}–${high.toFixed(2)}` : '';
  }

  /** Texts are compared once for each distinct one, then by their rank; the empty come last. */
  function ranks(column) {
    let rank = null;
    return (row) => {
      rank ??= rankLevels(column.levels);
      const code = column.codes[row];
      return code < 0 ? NaN : rank[code];
    };
  }

  function rankLevels(levels) {
    const collator = new Intl.Collator(undefined, { numeric: true });
    const sorted = levels.map((_, level) => level).sort((a, b) => collator.compare(levels[a], levels[b]));
    const rank = new Int32Array(levels.length);
    sorted.forEach((level, i) => { rank[level] = i; });
    return rank;
  }

  /** Sorted rows; what has no value comes last, either way; equal ones stay in the table's order. */
  function sorted(rows, { field: by, descending }) {
    if (!by) return rows;
    const sign = descending ? -1 : 1;
    const keyed = Array.from(rows, (row) => [by.key(row), row]);
    keyed.sort(([a, i], [b, j]) => {
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b) || i - j;
      return sign * (a - b) || i - j;
    });
    return Int32Array.from(keyed, ([, row]) => row);
  }

  function build() {
    head = Dom.make('tr', {}, ...fields.map(heading));
    body = Dom.make('tbody');
    const table = Dom.make('table', { className: 'rows' }, Dom.make('thead', {}, head), body);
    table.setAttribute('role', 'grid');
    scroller.replaceChildren(table);
  }

  function heading(one, i) {
    const button = Dom.make('button', { type: 'button', textContent: one.label, tabIndex: i ? -1 : 0 });
    button.addEventListener('click', () => sort(one));
    button.addEventListener('keydown', (event) => step(event, i));
    const cell = Dom.make('th', { scope: 'col', className: classOf(one) }, button);
    cell.setAttribute('aria-sort', 'none');
    return cell;
  }

  /** Left and right go through the headings, so that Tab needn't. */
  function step(event, i) {
    const next = { ArrowLeft: i - 1, ArrowRight: i + 1 }[event.key];
    if (next === undefined || !head.cells[next]) return;
    event.preventDefault();
    event.stopPropagation();
    head.cells[i].firstChild.tabIndex = -1;
    head.cells[next].firstChild.tabIndex = 0;
    head.cells[next].firstChild.focus();
  }

  const classOf = (one) => (one.wide ? 'wide' : one.number ? 'number' : '');

  function sort(one) {
    sorting = { field: one, descending: sorting.field === one && !sorting.descending };
    fields.forEach((other, i) => {
      const way = sorting.descending ? 'descending' : 'ascending';
      head.cells[i].setAttribute('aria-sort', other === one ? way : 'none');
    });
    refresh();
  }

  function refresh() {
    order = sorted(State.listed(), sorting);
    scroller.firstChild.setAttribute('aria-rowcount', order.length + 1);
    scroller.scrollTop = 0;
    drawn = [-1, -1];
    draw();
  }

  function draw() {
    const first = Math.max(Math.floor(scroller.scrollTop / HEIGHT) - SPARE, 0);
    const last = Math.min(first + Math.ceil(scroller.clientHeight / HEIGHT) + 2 * SPARE, order.length);
    if (drawn[0] === first && drawn[1] === last) return;
    drawn = [first, last];
    const lines = Array.from(order.slice(first, last), (row, i) => line(row, first + i));
    body.replaceChildren(space(first), ...lines, space(order.length - last));
  }

  function space(rows) {
    const filler = Dom.make('tr', { className: 'space' });
    filler.setAttribute('aria-hidden', 'true');
    filler.style.height = `${rows * HEIGHT}px`;
    return filler;
  }

  function line(row, position) {
    const element = Dom.make('tr', { id: `row-${row}`, className: Rows.isScored(row) ? '' : 'unscored' }, ...fields.map((one) => cell(one, row)));
    element.setAttribute('aria-rowindex', position + 2);
    element.setAttribute('aria-selected', String(row === State.selected));
    element.dataset.row = row;
    return element;
  }

  function cell(one, row) {
    const text = one.shown(row);
    const element = Dom.make('td', { className: classOf(one), textContent: text });
    if (one.wide || text.length > 24) element.title = text;
    if (one.calibrated) element.append(Dom.make('span', { className: 'interval', textContent: one.interval(row) }));
    return element;
  }

  /** Bring a row into view, below the heading. */
  function reveal(row) {
    const position = order.indexOf(row);
    if (position < 0) return;
    const top = position * HEIGHT;
    const room = scroller.clientHeight - 2 * HEIGHT;
    if (top < scroller.scrollTop || top > scroller.scrollTop + room) scroller.scrollTop = Math.max(top - room / 2, 0);
  }

  function select({ row, from }) {
    if (from !== 'table') reveal(row);
    drawn = [-1, -1];
    draw();
    scroller.setAttribute('aria-activedescendant', `row-${row}`);
  }

  function move(steps) {
    if (!order.length) return;
    const next = Math.min(Math.max(order.indexOf(State.selected) + steps, 0), order.length - 1);
    reveal(order[next]);
    State.select(order[next], { from: 'table' });
  }

  function key(event) {
    const page = Math.max(Math.floor(scroller.clientHeight / HEIGHT) - 2, 1);
    const steps = {
      ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity,
    }[event.key];
    if (steps !== undefined) {
      event.preventDefault();
      move(steps);
    } else if (event.key === 'Enter' && event.target === scroller && State.selected >= 0) {
      State.select(State.selected, { from: 'table', play: true });
    }
  }

  function start() {
    build();
    refresh();
    scroller.addEventListener('scroll', draw);
    scroller.addEventListener('keydown', key);
    window.addEventListener('resize', draw);
    body.addEventListener('click', (event) => {
      const found = event.target.closest('tr[data-row]');
      if (found) State.select(Number(found.dataset.row), { from: 'table', play: true });
    });
    State.on('filter', refresh);
    State.on('pick', refresh);
    State.on('select', select);
  }

  return { start };
})();
