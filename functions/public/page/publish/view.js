// The publish view: a source, a key, and what becomes of them (states.js).
//
// It brings the parts together: source-picker.js captures, broadcast.js publishes, key-field.js and free-key.js have the key,
// figures.js shows what is measured. Here is what follows from what a person does and from what the server refuses.

import * as api from "../api.js";
import { Refusal } from "../http.js";
import { streamIdIn } from "../text/format.js";
import { notAKey } from "../text/pasted.js";
import { explain } from "../text/refusals.js";
import { byId, say } from "../ui/dom.js";
import { Notice } from "../ui/notice.js";
import { Backoff } from "../webrtc/backoff.js";
import { encodable } from "../webrtc/codecs.js";
import { playbackUrl } from "../webrtc/whip.js";
import { Broadcast } from "./broadcast.js";
import { Figures } from "./figures.js";
import { takeFreeKey } from "./free-key.js";
import { KeyField } from "./key-field.js";
import { SourcePicker } from "./source-picker.js";
import { SourceError } from "./sources.js";
import { appearance, isAtRest } from "./states.js";
import { removeKey, storedKey } from "./stored-key.js";

/** @typedef {import("./states.js").State} State */
/** @typedef {import("../text/pasted.js").Problem} Problem */

/** A server that hands its streams over closes the connection once another one has room: viewers see black meanwhile. */
const REJOIN_MS = 100;

/** @type {Record<string, number>} */
const SUGGESTED_KBPS = { "360p": 800, "720p": 2500, "1080p": 4500 };

/** The part of the page that publishes, with its form, preview and notices. */
export class PublishView {
  #form = byId("publish-form", HTMLFormElement);
  #codec = byId("codec", HTMLSelectElement);
  #resolution = byId("resolution", HTMLSelectElement);
  #bitrate = byId("bitrate", HTMLSelectElement);
  #stage = byId("publish-stage", HTMLElement);
  #status = byId("publish-status", HTMLElement);
  #start = byId("go-live", HTMLButtonElement);
  #previewButton = byId("preview-source", HTMLButtonElement);

  #notice = new Notice(byId("publish-notice", HTMLElement));
  #backoff = new Backoff({ first: 1, ceiling: 15 });
  #figures = new Figures();
  #key = new KeyField({ onGetFree: () => this.#getFreeKey(), onForget: () => this.#forgetFreeKey() });
  #picker = new SourcePicker({ onEnded: () => this.stop("ended", "The source ended, so publishing stopped.") });
  #broadcast = new Broadcast({
    state: () => this.#state,
    onSession: (session) => this.#published(playbackUrl(session)),
    onState: (state) => this.#reached(state),
    onEnd: () => this.#lost(),
    onReading: (reading) => this.#showReading(reading),
    onViewers: () => this.#showViewers(),
  });

  /** @type {State} */
  #state = "idle";
  /** @type {string | null} */
  #streamId = null;
  #onState;

  /** @param {() => void} onState called after each change of `state` */
  constructor(onState) {
    this.#onState = onState;
    for (const name of encodable()) {
      this.#codec.append(new Option(name, name));
    }
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (isAtRest(this.#state)) {
        this.goLive();
      } else {
        this.stop();
      }
    });
    this.#form.addEventListener("change", ({ target }) => {
      if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) {
        this.#changed(target.name);
      }
    });
    this.#previewButton.addEventListener("click", () => this.#togglePreview());
    addEventListener("online", () => this.#notice.hurry());
    this.#restoreFreeKey();
    this.#to("idle");
    /** Resolves when the first source is chosen: until then the page is not ready for a person or a program. */
    this.ready = this.#picker.chooseFirst(() => isAtRest(this.#state));
  }

  /** What publishing is doing now, finer than the page's own state. */
  get state() {
    return this.#state;
  }

  /** The stream whose links are on the page, or null. */
  get streamId() {
    return this.#streamId;
  }

  /** Publish with the key in the field; with *force* whoever publishes with it now is ended. */
  async goLive({ force = false } = {}) {
    const problem = notAKey(this.#key.text);
    this.#notice.clear();
    if (problem) {
      this.#notAKey(problem);
      return;
    }
    const { key } = this.#key;
    this.#key.text = key;
    const signal = this.#broadcast.attempt();
    try {
      let { stream } = this.#picker;
      if (!stream) {
        this.#to("opening");
        stream = await this.#picker.open();
      }
      if (signal.aborted) {
        return;
      }
      this.#to(this.#broadcast.liveSince ? "reconnecting" : "connecting");
      await this.#broadcast.connect({ key, stream, codec: this.#codec.value, kbps: this.#kbps, force, signal });
    } catch (error) {
      if (!signal.aborted) {
        this.#broadcast.attemptDone();
        // "Override" was said of this key, and holds for it until it is answered.
        this.#failed(error, { retry: () => this.goLive({ force: force && this.#key.key === key }) });
      }
    }
  }

  /**
   * End what is running; the way back to rest.
   * @param {State} [state]
   * @param {string | null} [text]
   */
  stop(state = "idle", text = null) {
    this.#broadcast.stop();
    this.#figures.clear();
    this.#picker.close();
    this.#notice.clear();
    this.#backoff.reset();
    this.#to(state, text);
  }

  get #kbps() {
    return Number(this.#bitrate.value);
  }

  /**
   * What is in the field is no key: nothing is sent anywhere, above all not a secret of another kind.
   * @param {Problem} problem
   */
  #notAKey(problem) {
    this.#broadcast.forgetLive();
    this.#to("idle");
    const empty = problem.code === "NO_KEY";
    this.#key.markInvalid(!empty);
    const free = { label: "Go live with a free key", run: () => this.#goFree() };
    const correct = { label: empty ? "Enter a key" : "Correct it", run: () => this.#key.ask({ keep: true }) };
    this.#notice.show(problem, empty ? [free, correct] : [correct, free]);
  }

  async #togglePreview() {
    this.#notice.clear();
    if (this.#picker.stream) {
      this.#picker.close();
      this.#to("idle");
      return;
    }
    try {
      this.#to("opening");
      await this.#picker.open();
      this.#to("idle");
    } catch (error) {
      this.#failed(error);
    }
  }

  /**
   * The setting *name* changed: bitrate and source take effect at once, also while live.
   * @param {string} name
   */
  async #changed(name) {
    if (name === "resolution") {
      this.#bitrate.value = String(SUGGESTED_KBPS[this.#resolution.value]);
    }
    if (name === "source") {
      this.#picker.showSettings();
    }
    if (this.#picker.reopensAt(name)) {
      try {
        await this.#broadcast.replaceTracks(await this.#picker.open());
      } catch (error) {
        this.#failed(error, { running: this.#broadcast.isRunning });
      }
    }
    if (name === "bitrate" || name === "resolution") {
      await this.#broadcast.setBitrate(this.#kbps);
    }
  }

  #usePattern() {
    this.#picker.choosePattern();
    this.#changed("source");
    this.#start.focus();
  }

  #restoreFreeKey() {
    const stored = storedKey();
    if (stored) {
      this.#key.text = stored.key;
      this.#showLinks(stored.streamId);
    }
    this.#key.showStored();
  }

  #forgetFreeKey() {
    removeKey();
    this.#key.text = "";
    this.#streamId = null;
    byId("share", HTMLElement).hidden = true;
    this.#notice.clear();
    this.#key.showStored();
    say(this.#status, "The free key was forgotten. Its watch link leads nowhere now.");
    this.#key.focus();
  }

  /**
   * Put a free key into the field; whether one is there now. *expected* and *lapsed* as `takeFreeKey` knows them.
   * @param {{retry?: () => unknown, expected?: boolean, lapsed?: boolean}} [asked]
   */
  async #getFreeKey({ retry = () => this.#getFreeKey(), ...asked } = {}) {
    this.#notice.clear();
    this.#key.allowFree(false);
    try {
      const taken = await takeFreeKey({ current: this.#key.key, shown: this.#streamId, ...asked });
      if (!taken) {
        say(this.#status, "Nothing was changed.");
        return false;
      }
      this.#key.text = taken.key;
      this.#key.markInvalid(false);
      this.#showLinks(taken.streamId);
      this.#key.showStored({ lost: !taken.stored });
      say(this.#status, "A free key is in the field. Share the watch link, then go live.");
      return true;
    } catch (error) {
      this.#failed(error, { retry, auto: asked.expected ?? false });
      return false;
    } finally {
      this.#key.allowFree(isAtRest(this.#state));
    }
  }

  /**
   * Publish with a free key; *lapsed*: the stored one is not valid any more.
   * @param {{lapsed?: boolean}} [options]
   */
  async #goFree({ lapsed = false } = {}) {
    const before = this.#key.text;
    // By itself it goes on with the free servers only while nobody has typed another key meanwhile.
    const again = () => (this.#key.text === before ? this.#goFree({ lapsed }) : this.goLive());
    if (await this.#getFreeKey({ retry: again, expected: true, lapsed })) {
      await this.goLive();
    }
  }

  /** @param {string | null} whep the playback address that the server named */
  #published(whep) {
    const id = whep && streamIdIn(whep);
    if (id) {
      this.#showLinks(id, whep);
    }
    this.#figures.clear();
  }

  /** @param {"live" | "reconnecting"} state */
  #reached(state) {
    if (state === "live") {
      this.#backoff.reset();
    }
    this.#to(state);
  }

  /** The connection is gone: ask again at once. A takeover, a quota or a dead network each answers for itself. */
  #lost() {
    this.#figures.clear();
    this.#to("reconnecting");
    const signal = this.#broadcast.attempt();
    setTimeout(() => {
      if (!signal.aborted) {
        this.goLive();
      }
    }, REJOIN_MS);
  }

  /**
   * Say what went wrong and what can be done. *running*: a broadcast goes on all the same; *auto*: the page may try again by itself.
   * @param {unknown} error
   * @param {{running?: boolean, auto?: boolean, retry?: () => unknown}} [options]
   */
  #failed(error, { running = false, auto = true, retry = () => this.goLive() } = {}) {
    if (error instanceof SourceError) {
      this.#atRest("The source is not available.", running);
      this.#notice.show({ code: "SOURCE", title: "The source is not available", text: error.message }, [
        { label: "Try again", run: running ? () => {} : retry },
        { label: "Use the test pattern", run: () => this.#usePattern() },
      ]);
    } else if (error instanceof Refusal) {
      this.#refused(error, { running, auto, retry });
    } else {
      console.error(error);
      this.#atRest("The browser could not publish.", running);
      this.#notice.show(
        {
          code: `BROWSER: ${error instanceof Error ? error.message : error}`,
          title: "The browser could not publish",
          text: "Something in this browser failed. Reload the page; if it fails again, choose another codec or use another browser.",
        },
        [{ label: "Try again", run: retry }],
      );
    }
  }

  /**
   * Say what the server refused; where it may pass, the page tries again by itself.
   * @param {Refusal} refusal
   * @param {{running: boolean, auto: boolean, retry: () => unknown}} options
   */
  #refused(refusal, { running, auto, retry }) {
    const { liveSince } = this.#broadcast;
    const told = explain(refusal, "publish", { wasLive: liveSince > 0, stored: this.#key.isStored });
    const lapsed = refusal.code === "INVALID_KEY";
    if (lapsed) {
      this.#key.markInvalid(true);
    }
    const again = told.auto && auto;
    if (!again) {
      this.#atRest(`${told.title}.`, running);
    } else if (liveSince) {
      this.#to("reconnecting");
    } else {
      this.#to("waiting", `${told.title}. Waiting to try again…`);
    }
    const choices = this.#choices({ wait: told.wait, lapsed, retry });
    const names = told.actions.filter((name) => again || name !== "stop");
    this.#notice.show(told, names.flatMap((name) => choices[name] ?? []), {
      auto: again ? Math.ceil(this.#backoff.next(told.retryAfter ?? 0)) : null,
      onAuto: retry,
      focus: !again || !liveSince,
    });
  }

  /**
   * What each action of an explanation does here.
   * @param {{wait: number, lapsed: boolean, retry: () => unknown}} refused
   * @returns {Partial<Record<import("../text/refusals.js").Action, import("../ui/notice.js").Choice>>}
   */
  #choices({ wait, lapsed, retry }) {
    return {
      anonymous: {
        label: lapsed ? "Go live with a new free key" : "Retry with free servers",
        run: () => this.#goFree({ lapsed }),
      },
      forget: { label: "Forget it", run: () => this.#forgetFreeKey() },
      override: { label: "Override", run: () => this.goLive({ force: true }), wait },
      "another-key": { label: "Use a different key", run: () => this.#key.ask() },
      "edit-key": { label: "Edit the key", run: () => this.#key.ask({ keep: true }) },
      codec: { label: "Choose another codec", run: () => this.#codec.focus() },
      retry: { label: "Try again", run: retry, wait },
      dismiss: { label: "Not now", run: () => this.#start.focus() },
      stop: { label: "Stop trying", run: () => this.stop() },
    };
  }

  /**
   * Nothing goes on by itself; *running* is what goes on all the same.
   * @param {string} text
   * @param {boolean} running
   */
  #atRest(text, running) {
    if (!running) {
      this.#broadcast.forgetLive();
      this.#to("refused", text);
    }
  }

  /**
   * @param {string} streamId
   * @param {string | null} [whep]
   */
  #showLinks(streamId, whep = null) {
    this.#streamId = streamId;
    byId("share", HTMLElement).hidden = false;
    byId("watch-link", HTMLInputElement).value = api.watchLink(streamId);
    byId("open-watch", HTMLAnchorElement).href = `/watch/${streamId}`;
    byId("whep-url", HTMLInputElement).value = whep ?? new URL(api.whep(streamId), location.origin).href;
  }

  /** @param {import("../webrtc/stats.js").Reading} reading */
  #showReading(reading) {
    if (this.#state === "live") {
      this.#figures.showReading(reading, { wantedKbps: this.#kbps, liveSince: this.#broadcast.liveSince });
    }
  }

  async #showViewers() {
    if (!this.#streamId) {
      return;
    }
    try {
      this.#figures.showViewers(await api.streamState(this.#streamId));
    } catch {
      // The count is a courtesy; the stream goes on without it.
    }
  }

  /**
   * Show *state*, with the sentence *text* instead of its own.
   * @param {State} state
   * @param {string | null} [text]
   */
  #to(state, text = null) {
    this.#state = state;
    const hasSource = this.#picker.stream !== null;
    const look = appearance(state, { hasSource, online: navigator.onLine });
    this.#stage.dataset.state = look.stage;
    say(this.#status, text ?? look.text ?? "");
    this.#start.textContent = look.button;
    this.#start.classList.toggle("danger", look.busy);
    this.#start.classList.toggle("primary", !look.busy);
    this.#key.lock({ field: look.keyLocked, buttons: look.busy });
    this.#codec.disabled = look.busy;
    this.#previewButton.hidden = look.busy;
    this.#previewButton.textContent = hasSource ? "Close preview" : "Preview";
    byId("live-badge", HTMLElement).textContent = look.badge;
    document.documentElement.classList.toggle("publishing", look.onAir);
    document.documentElement.classList.toggle("busy", look.busy);
    if (state === "reconnecting") {
      this.#figures.clearReading();
    }
    this.#onState();
  }
}
