// Whether anything comes back over a connection. `connectionState` says so after five seconds, `iceConnectionState` never.

/** Nothing at all came back for so long: reports, feedback and the answers to checks all come several times in it. */
export const GONE_MS = 2000;
/** The same where the browser says that it is offline. */
export const OFFLINE_MS = 1000;

/** Watches a counter of everything that arrived on one connection; *now* in milliseconds is an argument. */
export class Liveness {
  #arrived = -1;
  #at;

  /** @param {number} now */
  constructor(now) {
    this.#at = now;
  }

  /**
   * Milliseconds since the counter *arrived*, which only grows, grew last.
   * @param {number} arrived
   * @param {number} now
   */
  silent(arrived, now) {
    if (arrived !== this.#arrived) {
      this.#arrived = arrived;
      this.#at = now;
    }
    return now - this.#at;
  }
}

/**
 * Whether a path that is silent for *silent* ms, in a browser that says that it is *online*, is gone.
 * @param {number} silent
 * @param {boolean} online
 */
export const isGone = (silent, online) => silent >= (online ? GONE_MS : OFFLINE_MS);
