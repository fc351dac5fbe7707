// How long to wait before the next attempt: grows, has a ceiling, and differs between clients.

export class Backoff {
  #next;

  constructor({ first = 1, factor = 1.6, ceiling = 10, random = Math.random } = {}) {
    Object.assign(this, { first, factor, ceiling, random });
    this.#next = first;
  }

  /** Seconds until the next attempt; *atLeast* is what the server asked for. */
  next(atLeast = 0) {
    const seconds = Math.max(atLeast ?? 0, this.#next * (0.85 + 0.3 * this.random()));
    this.#next = Math.min(this.ceiling, this.#next * this.factor);
    return seconds;
  }

  reset() {
    this.#next = this.first;
  }
}
