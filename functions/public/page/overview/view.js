// What the stack sees: any stream's public state, and the owner's account. Both are kept fresh while the view is shown.

import { every } from "../ui/polling.js";
import { AccountCard } from "./account.js";
import { StreamLookup } from "./stream-lookup.js";

const REFRESH_MS = 3000;

/** The part of the page that shows states and figures, and publishes and plays nothing. */
export class OverviewView {
  #ownStream;
  #lookup = new StreamLookup();
  #account = new AccountCard();
  /** @type {import("../ui/polling.js").Polling | null} */
  #poll = null;

  /** @param {() => string | null} ownStream names the stream that this page publishes */
  constructor(ownStream) {
    this.#ownStream = ownStream;
  }

  /** The view is shown: keep what it shows fresh. */
  enter() {
    const own = this.#ownStream();
    if (own) {
      this.#lookup.suggest(own);
    }
    this.#poll ??= every(REFRESH_MS, () => Promise.all([this.#lookup.refresh(), this.#account.refresh()]));
  }

  /** Another view is shown: ask for nothing any more. */
  leave() {
    this.#poll?.stop();
    this.#poll = null;
  }
}
