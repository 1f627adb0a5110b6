/** One tab at a time: a second one asks before it goes on, and the first then steps back. */

const ANSWER_WITHIN = 250; // milliseconds in which another tab says that it is there

/**
 * @param {{onTaken: () => void}} settings  called when another tab has taken over
 * @returns {{alone: () => Promise<boolean>, take: () => void}}
 */
export function createTabs({ onTaken }) {
  const channel = 'BroadcastChannel' in window ? new BroadcastChannel(`affectspace.rate${window.location.pathname}`) : null;
  let active = false;
  let hear = () => {};
  channel?.addEventListener('message', ({ data }) => {
    if (data === 'anyone?' && active) channel.postMessage('here');
    else if (data === 'here') hear();
    else if (data === 'mine' && active) {
      active = false;
      onTaken();
    }
  });
  return {
    /** Whether no other tab of this browser is rating. */
    alone: () => new Promise((resolve) => {
      if (!channel) return resolve(true);
      hear = () => resolve(false);
      setTimeout(() => resolve(true), ANSWER_WITHIN);
      return channel.postMessage('anyone?');
    }),
    take: () => {
      active = true;
      channel?.postMessage('mine');
    },
  };
}
