// Work that is done again and again while somebody can see it.

/** @typedef {{stop: () => void}} Polling */

/**
 * Run *task* at once and every *ms* while the page can be seen (*hidden*: or not); `stop()` ends it. A task that takes longer
 * is not begun a second time.
 * @param {number} ms
 * @param {() => unknown} task
 * @param {{hidden?: boolean}} [options]
 * @returns {Polling}
 */
export function every(ms, task, { hidden = false } = {}) {
  let running = false;
  const tick = async () => {
    if (running || (document.hidden && !hidden)) {
      return;
    }
    running = true;
    try {
      await task();
    } finally {
      running = false;
    }
  };
  const timer = setInterval(tick, ms);
  tick();
  return { stop: () => clearInterval(timer) };
}
