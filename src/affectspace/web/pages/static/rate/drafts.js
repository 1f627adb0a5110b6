/**
 * The item in hand, kept in this browser until the server has accepted it: a closed or crashed page loses nothing.
 * There is at most one. Where a browser keeps nothing, it lives as long as the page.
 */

const NAME = `affectspace.draft${window.location.pathname}`;
let held = null;

/** @returns {{assignment: string, key: string, values: object, starts: number, heard: boolean, payload: ?object} | null} */
export const draft = () => held ?? reread();

/** Look again, as after another tab may have gone on. */
export function reread() {
  try {
    const found = JSON.parse(window.localStorage.getItem(NAME));
    held = found && typeof found.assignment === 'string' && typeof found.values === 'object' ? found : null;
  } catch { /* what this page holds is all there is */ }
  return held;
}

export function keep(changed) {
  held = changed;
  try {
    window.localStorage.setItem(NAME, JSON.stringify(held));
  } catch { /* private mode, or full: the page itself still holds it */ }
}

export function forget() {
  held = null;
  try {
    window.localStorage.removeItem(NAME);
  } catch { /* nothing was kept */ }
}
