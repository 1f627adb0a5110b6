/**
 * The item in hand, kept in this browser until the server has accepted it: a closed or crashed page loses nothing.
 * A rater has at most one. Where a browser keeps nothing, it lives as long as the page.
 */

const PLACE = `affectspace.draft${window.location.pathname}`;
let name = PLACE;
let held = null;

/** Raters who share a browser have a draft each. */
export function draftsOf(rater) {
  name = `${PLACE}.${rater}`;
  held = null;
}

/** @returns {{assignment: string, key: string, values: object, starts: number, heard: boolean, payload: ?object} | null} */
export const draft = () => held ?? reread();

/** Look again, as after another tab may have gone on. */
export function reread() {
  try {
    const found = JSON.parse(window.localStorage.getItem(name));
    held = found && typeof found.assignment === 'string' && typeof found.values === 'object' ? found : null;
  } catch { /* what this page holds is all there is */ }
  return held;
}

export function keep(changed) {
  held = changed;
  try {
    window.localStorage.setItem(name, JSON.stringify(held));
  } catch { /* private mode, or full: the page itself still holds it */ }
}

export function forget() {
  held = null;
  try {
    window.localStorage.removeItem(name);
  } catch { /* nothing was kept */ }
}
