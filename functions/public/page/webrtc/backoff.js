// How long to wait before the next attempt: the wait grows, has a ceiling, and differs between clients.

/** The waits of one row of attempts, each longer than the one before; pure but for *random*, which is an argument. */
export class Backoff {
  #next;

  /** @param {{first?: number, factor?: number, ceiling?: number, random?: () => number}} [options] seconds; *random* in 0..1 */
  constructor({ first = 1, factor = 1.6, ceiling = 10, random = Math.random } = {}) {
    this.first = first;
    this.factor = factor;
    this.ceiling = ceiling;
    this.random = random;
    this.#next = first;
  }

  /**
   * Seconds until the next attempt; *atLeast* is what the server asked for.
   * @param {number} [atLeast]
   */
  next(atLeast = 0) {
    const seconds = Math.max(atLeast, this.#next * (0.85 + 0.3 * this.random()));
    this.#next = Math.min(this.ceiling, this.#next * this.factor);
    return seconds;
  }

  /** Begin with the shortest wait again: an attempt succeeded. */
  reset() {
    this.#next = this.first;
  }
}
