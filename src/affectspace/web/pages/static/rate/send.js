/** Brings one rating to the server, however long that takes. The key makes a repeated sending harmless. */

import { Refusal, Unreachable, pause } from '../shared/api.js';

const WAITS = [1000, 2000, 4000, 8000, 15000];

/**
 * Send until the server has answered for good.
 *
 * @param {() => Promise<object>} attempt
 * @param {(reason: 'kept' | 'busy' | 'full', tryNow: () => void) => void} onWait  told before each further attempt
 * @returns {Promise<object>} the server's answer; it rejects with a `Refusal` that time does not mend
 */
export async function insist(attempt, onWait) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      const passing = error instanceof Unreachable || (error instanceof Refusal && error.passing);
      if (!passing) throw error;
      const seconds = error instanceof Refusal ? error.wait : null;
      const wait = seconds ? seconds * 1000 : WAITS[Math.min(tries, WAITS.length - 1)];
      await waited(wait, (tryNow) => onWait(reason(error), tryNow));
    }
  }
}

function reason(error) {
  if (error instanceof Unreachable) return 'kept';
  return error.status === 507 ? 'full' : 'busy';
}

/** The time, or less where the rater says so or the network comes back. */
async function waited(milliseconds, offer) {
  await new Promise((resolve) => {
    const done = () => {
      window.removeEventListener('online', done);
      resolve();
    };
    window.addEventListener('online', done);
    offer(done);
    pause(milliseconds).then(done);
  });
}
