/** Rows in words. */

const number = (value) => value.toFixed(2);

/** An estimate with its interval, or a dash. */
export function estimate(row, name) {
  if (typeof row[name] !== 'number') return '–';
  const [low, high] = [row[`${name}_low`], row[`${name}_high`]];
  return typeof low === 'number' ? `${number(row[name])} (${number(low)} to ${number(high)})` : number(row[name]);
}

/** Why a row isn't scored, or what is doubtful about it. */
export function remark(row) {
  if (row.status !== 'ok') {
    const why = row.message.startsWith(`${row.file}: `) ? row.message.slice(row.file.length + 2) : row.message;
    return `${row.status.replaceAll('_', ' ')}: ${why}`;
  }
  return row.caution ? `scored, with caution: ${row.caution.split(';').join(', ').replaceAll('_', ' ')}` : 'scored';
}
