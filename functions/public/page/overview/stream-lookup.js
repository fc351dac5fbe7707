// The public state of any stream, looked up by its id or its watch link, and kept fresh.

import * as api from "../api.js";
import { clock, count, streamIdIn } from "../text/format.js";
import { notAStream } from "../text/pasted.js";
import { byId, describe, fillList, markInvalid, say } from "../ui/dom.js";
import { Notice } from "../ui/notice.js";
import { showRefusal } from "./refused.js";

/** The part of the overview that shows one stream. */
export class StreamLookup {
  #input = byId("lookup-id", HTMLInputElement);
  #state = byId("stream-state", HTMLElement);
  #notice = new Notice(byId("lookup-notice", HTMLElement), "h3");
  /** @type {string | null} */
  #streamId = null;

  constructor() {
    byId("lookup-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#lookUp(this.#input.value);
    });
  }

  /**
   * Look up *streamId* unless a person has already asked for another.
   * @param {string} streamId
   */
  suggest(streamId) {
    if (!this.#input.value) {
      this.#input.value = streamId;
      this.#streamId = streamId;
    }
  }

  /** Show the stream as it is now; *first*: a person has just asked, and is told. Nothing while none was asked for. */
  async refresh({ first = false } = {}) {
    const id = this.#streamId;
    if (!id) {
      return;
    }
    try {
      this.#show(id, await api.streamState(id), first);
    } catch (error) {
      showRefusal(error, this.#notice, {
        input: this.#input,
        retry: () => this.refresh({ first: true }),
        forget: () => {
          this.#state.hidden = true;
          this.#streamId = null;
        },
        focus: first,
      });
    }
  }

  /** @param {string} text */
  async #lookUp(text) {
    this.#streamId = streamIdIn(text);
    const problem = notAStream(text);
    markInvalid(this.#input, problem !== null);
    if (problem) {
      this.#state.hidden = true;
      const choices = [{ label: "Correct it", run: () => this.#input.focus() }];
      this.#notice.show({ ...problem, title: "This is not a stream id" }, choices);
      return;
    }
    await this.refresh({ first: true });
  }

  /**
   * @param {string} id
   * @param {import("../api.js").StreamState} stream
   * @param {boolean} first
   */
  #show(id, { live, viewers, limit, since, problems = [] }, first) {
    this.#notice.clear();
    this.#state.hidden = false;
    this.#state.dataset.live = String(live);
    say(byId("stream-live", HTMLElement), live ? "Live" : "Offline");
    describe(byId("stream-facts", HTMLElement), [
      ["Stream", id],
      ["Viewers", `${viewers} of ${limit}`],
      ["Live for", live && since ? clock(Date.now() / 1000 - since) : "–"],
    ]);
    fillList(byId("stream-problems", HTMLElement), problems.map((problem) => problem.say));
    byId("stream-watch", HTMLAnchorElement).href = `/watch/${id}`;
    if (first) {
      const said = live ? `The stream is live with ${count(viewers, "viewer")}.` : "The stream is offline.";
      say(byId("lookup-status", HTMLElement), said);
    }
  }
}
