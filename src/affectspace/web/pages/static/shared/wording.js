/**
 * Words in the reader's language, from `static/wording/LANGUAGE.json`; what a file lacks comes from the English one.
 * `{name}` in a sentence stands for a value.
 */

const FALLBACK = 'en';
const files = new Map();
let english = {};
let chosen = {};
let language = FALLBACK;

async function read(code) {
  if (!files.has(code)) {
    const answer = await fetch(`static/wording/${code}.json`);
    if (!answer.ok) throw new Error(`there is no wording for ${code}`);
    files.set(code, await answer.json());
  }
  return files.get(code);
}

/** The first of `wished` that is offered, with or without its region; else English. */
export function bestLanguage(wished, offered) {
  for (const wish of wished.filter(Boolean)) {
    const found = [wish.toLowerCase(), wish.toLowerCase().split('-')[0]].find((code) => offered.includes(code));
    if (found) return found;
  }
  return FALLBACK;
}

/** Take another language, and tell the document its language and direction. */
export async function useLanguage(code) {
  english = await read(FALLBACK);
  try {
    chosen = await read(code);
    language = code;
  } catch {
    chosen = english;
    language = FALLBACK;
  }
  document.documentElement.lang = language;
  document.documentElement.dir = chosen.direction ?? 'ltr';
  return language;
}

export const currentLanguage = () => language;

/** The sentence of that key, with its values filled in. */
export function say(key, values = {}) {
  const sentence = chosen[key] ?? english[key] ?? key;
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
}

/** The sentence of that key, or `otherwise` where no file has it. */
export const sayOr = (key, otherwise) => (chosen[key] ?? english[key] ?? otherwise);

/** A rating or a count as the language writes it. */
export function number(value, most = 1, least = 0) {
  return new Intl.NumberFormat(language, { minimumFractionDigits: least, maximumFractionDigits: most }).format(value);
}

/** Each language by its own name: English, Deutsch, اردو. */
export function nameOfLanguage(code) {
  const name = new Intl.DisplayNames([code], { type: 'language' }).of(code) ?? code;
  return name.charAt(0).toLocaleUpperCase(code) + name.slice(1);
}
