'use strict';

/** The table as columns, and how its values read. Nothing here touches the page. */
const Rows = (() => {
  const raw = globalThis.collectionRows ?? JSON.parse(document.getElementById('rows').textContent); // where a service has sent it, it is there
  const columns = raw.columns.map(readColumn);
  const own = new Map(columns.filter((column) => column.own).map((column) => [column.name, column]));
  const starts = numbers(raw.start);
  const ends = numbers(raw.end);
  const status = own.get('status');
  const scoredCode = status.levels.indexOf('ok');
  const cautionSets = cautionsByCode();

  function numbers(values) {
    return Float64Array.from(values, (value) => (value === null ? NaN : value));
  }

  function readColumn(column) {
    const label = column.name.replace(/_/g, ' ') + (column.unit ? ` (${column.unit})` : '');
    if (column.kind === 'number') return { ...column, label, values: numbers(column.values) };
    return { ...column, label, codes: Int32Array.from(column.codes) };
  }

  /** For every distinct text of `caution`, the words in it. */
  function cautionsByCode() {
    const caution = own.get('caution');
    if (!caution) return [];
    return caution.levels.map((text) => text.split(';').map((word) => word.trim()).filter(Boolean));
  }

  function number(name, row) {
    const column = own.get(name);
    return column ? column.values[row] : NaN;
  }

  function text(name, row) {
    const column = own.get(name);
    return column && column.codes[row] >= 0 ? column.levels[column.codes[row]] : '';
  }

  function hasValues(column) {
    return column.kind === 'number' ? column.values.some(Number.isFinite) : column.levels.length > 0;
  }

  /** Whether the table has intervals. */
  function isCalibrated() {
    return ['activation_low', 'valence_low'].some((name) => own.has(name) && hasValues(own.get(name)));
  }

  const isScored = (row) => status.codes[row] === scoredCode;

  function cautions(row) {
    const column = own.get('caution');
    return column && column.codes[row] >= 0 ? cautionSets[column.codes[row]] : [];
  }

  /** A number with as many digits as help; an empty text for none. */
  function format(value, digits) {
    if (!Number.isFinite(value)) return '';
    if (digits !== undefined) return value.toFixed(digits);
    if (Number.isInteger(value) && Math.abs(value) < 1e15) return String(value);
    return String(Number(value.toPrecision(4)));
  }

  const DIGITS = { unusualness: 3, duration: 2, level: 1, bandwidth: 0, snr: 1, clipped_share: 4, voiced_share: 2 };

  function digitsOf(column) {
    if (!column.own) return undefined;
    return DIGITS[column.name] ?? 2;
  }

  /** Any column's value in a row, as text. */
  function shown(column, row) {
    if (column.kind === 'number') return format(column.values[row], digitsOf(column));
    return column.codes[row] >= 0 ? column.levels[column.codes[row]] : '';
  }

  /** Seconds as min:sec, or as h:min:sec from an hour on. */
  function clock(seconds, digits = 0) {
    const unit = 10 ** digits;
    const whole = Math.round(seconds * unit);
    const rest = ((whole % (60 * unit)) / unit).toFixed(digits).padStart(digits ? 3 + digits : 2, '0');
    const minutes = Math.floor(whole / (60 * unit));
    if (minutes < 60) return `${minutes}:${rest}`;
    return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${rest}`;
  }

  const isWhole = (row) => !(starts[row] > 0) && !Number.isFinite(ends[row]);

  /** Where the row ends, in seconds; by its duration where the table says "to the end". */
  function end(row) {
    return Number.isFinite(ends[row]) ? ends[row] : starts[row] + number('duration', row);
  }

  function span(row) {
    if (isWhole(row)) return 'whole file';
    const last = end(row);
    return `${clock(starts[row], 1)} – ${Number.isFinite(last) ? clock(last, 1) : 'end'}`;
  }

  const folderOfFile = (file) => raw.folders[raw.files.folder[file]];

  /** A file's path below the folder that all files share. */
  function pathOfFile(file) {
    const folder = folderOfFile(file);
    const name = raw.files.name[file];
    if (folder === '' || folder === '.') return name;
    return folder === '/' ? `/${name}` : `${folder}/${name}`;
  }

  function fullPath(row) {
    const path = pathOfFile(raw.file[row]);
    return raw.root ? `${raw.root.replace(/\/$/, '')}/${path}` : path;
  }

  /** Files and folders as columns, so that they can colour the plane like any other. */
  const fileColumn = {
    name: 'file', label: 'file', kind: 'text', own: true,
    levels: raw.files.name.map((_, file) => pathOfFile(file)), codes: Int32Array.from(raw.file),
  };
  const folderColumn = {
    name: 'folder', label: 'folder', kind: 'text', own: true,
    levels: raw.folders, codes: Int32Array.from(raw.file, (file) => raw.files.folder[file]),
  };

  return {
    count: raw.rows, columns, own, starts, ends, file: raw.file, fileColumn, folderColumn,
    anyScored: status.codes.some((_, row) => isScored(row)),
    audio: raw.audio, addresses: raw.addresses, oddAddresses: raw.odd_addresses,
    folderCode: (row) => raw.files.folder[raw.file[row]],
    fileName: (row) => raw.files.name[raw.file[row]],
    path: (row) => pathOfFile(raw.file[row]),
    statusMeaning: (word) => raw.statuses[word] ?? word,
    cautionMeaning: (word) => raw.cautions[word] ?? word,
    number, text, hasValues, isCalibrated, isScored, cautions, format, digitsOf, shown, clock, end, span, isWhole, fullPath,
  };
})();
