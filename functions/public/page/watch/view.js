// The watch view: one stream, joined again for as long as somebody wants to see it.
//
// A running session is left alone when the picture pauses: viewers stay connected while a publisher is taken over. Whose fault a
// pause is comes from three witnesses: the node's events, the API, and what arrives here (interruption.js).

import * as api from "../api.js";
import { Refusal } from "../http.js";
import { streamIdIn } from "../text/format.js";
import { notAStream } from "../text/pasted.js";
import { explain } from "../text/refusals.js";
import { byId, markInvalid, say } from "../ui/dom.js";
import { Notice } from "../ui/notice.js";
import { every } from "../ui/polling.js";
import { Backoff } from "../webrtc/backoff.js";
import { Liveness } from "../webrtc/liveness.js";
import { listen } from "../webrtc/server-events.js";
import { Meter } from "../webrtc/stats.js";
import { play } from "../webrtc/whep.js";
import { Figures } from "./figures.js";
import { PAUSED_MS, SlowConnection, interruption, unreached } from "./interruption.js";
import { Player } from "./player.js";
import { sentence } from "./states.js";

/** @typedef {import("../webrtc/session.js").Session} Session */
/** @typedef {import("../webrtc/stats.js").Reading} Reading */
/** @typedef {import("./states.js").State} State */

/** A path over which nothing at all comes for so long is dead: media or not, checks are answered every 2.5 s at least. */
const SILENT_MS = 2600;
/** And after so long the session is given up. */
const GIVE_UP_MS = 8000;
const PULSE_MS = 250;
/** Between two questions to the API while the picture is away. */
const ASK_EVERY_MS = 1000;
/** A question that takes longer has no answer: the network does not reach the server. */
const ASK_TIMEOUT_MS = 2000;
/** After a session's end so many looks are offers: only they are told why it ended, a bandwidth that is used up for example. */
const WHY_LOOKS = 2;
/** A publisher may have come back on another node, which this session will never see. */
const REJOIN_AFTER_MS = 8000;
/** Nobody publishes any more: the place among the viewers is given back. */
const LEAVE_AFTER_MS = 12_000;

/**
 * Resolves when *session* is connected, or over.
 * @param {Session} session
 * @returns {Promise<void>}
 */
function connected(session) {
  return new Promise((resolve) => {
    const look = () => (session.ended || session.pc.connectionState === "connected") && resolve();
    session.addEventListener("state", look);
    session.addEventListener("end", look);
    look();
  });
}

/** The part of the page that plays one stream, with its form, player and notices. */
export class WatchView {
  #form = byId("watch-form", HTMLFormElement);
  #input = byId("stream-id", HTMLInputElement);
  #stage = byId("watch-stage", HTMLElement);
  #status = byId("watch-status", HTMLElement);
  #nextLook = byId("next-look", HTMLElement);
  #notice = new Notice(byId("watch-notice", HTMLElement));
  #figures = new Figures();
  #player = new Player();
  #backoff = new Backoff({ first: 1, ceiling: 8 });
  #onState;

  /** @type {State} */
  #state = "idle";
  /** @type {string | null} */
  #streamId = null;
  /** @type {Session | null} */
  #session = null;
  /** @type {AbortController | null} */
  #attempt = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Looks at once whether the stream is back, while that is waited for. @type {(() => void) | null} */
  #look = null;
  /** @type {import("../ui/polling.js").Polling | null} */
  #poll = null;
  /** What was decoded so far, and when it last grew. */
  #progress = { frames: 0, audioBytes: 0, at: 0 };
  /** Whether a question to the API has no answer yet, and when the last one was asked. */
  #asking = false;
  #askedAt = 0;
  /** The node's last word of its publisher. @type {"active" | "inactive" | null} */
  #publisher = null;
  /** Whether the last question was answered; null where none was asked. @type {boolean | null} */
  #reached = null;
  /** So many of the next looks are offers (WHY_LOOKS). */
  #offers = 0;
  /** Whether the stream was ever seen here: then it has ended, instead of being offline. */
  #played = false;
  /** @type {number | null} */
  #firstFrameMs = null;
  #onFirstFrame = () => {};
  /** The sentence, where there is a picture that cannot be shown. @type {string | null} */
  #soundOnly = null;

  /** @param {() => void} onState called after each change of `state` */
  constructor(onState) {
    this.#onState = onState;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submitted();
    });
    byId("stop-watching", HTMLButtonElement).addEventListener("click", () => {
      this.stop();
      this.#input.focus();
    });
    addEventListener("online", () => this.#hurry());
    this.#to("idle");
  }

  /** The stream that is watched, or null. */
  get streamId() {
    return this.#streamId;
  }

  /** What watching is doing now, finer than the page's own state. */
  get state() {
    return this.#state;
  }

  /**
   * Watch the stream *streamId* until `stop`, joining again whenever it has to.
   * @param {string} streamId
   */
  watch(streamId) {
    this.stop();
    this.#streamId = streamId;
    this.#offers = 0;
    this.#played = false;
    this.#input.value = streamId;
    this.#join();
  }

  /** Watch nothing any more; the way back to rest. */
  stop() {
    this.#attempt?.abort();
    this.#attempt = null;
    clearTimeout(this.#timer);
    this.#look = null;
    this.#leave();
    this.#streamId = null;
    this.#backoff.reset();
    this.#notice.clear();
    this.#to("idle");
  }

  #submitted() {
    const id = streamIdIn(this.#input.value);
    if (!id) {
      const problem = notAStream(this.#input.value);
      markInvalid(this.#input, true);
      if (problem) {
        this.#notice.show(problem, [{ label: "Correct it", run: () => this.#input.focus() }]);
      }
      return;
    }
    markInvalid(this.#input, false);
    history.pushState(null, "", `/watch/${id}`);
    this.watch(id);
  }

  async #join() {
    const id = this.#streamId;
    if (!id) {
      return;
    }
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#notice.clear();
    if (this.#state !== "reconnecting" && this.#state !== "ended") {
      this.#to("joining");
    }
    const began = performance.now();
    try {
      const session = await play({ endpoint: api.whep(id), signal: attempt.signal });
      if (attempt.signal.aborted) {
        session.end();
        return;
      }
      this.#joined(session, began);
    } catch (error) {
      if (!attempt.signal.aborted) {
        this.#failed(error);
      }
    }
  }

  /**
   * @param {Session} session
   * @param {number} began when it was asked for
   */
  #joined(session, began) {
    this.#session = session;
    this.#firstFrameMs = null;
    this.#progress = { frames: 0, audioBytes: 0, at: performance.now() };
    this.#onFirstFrame = () => this.#began(session, began);
    this.#player.show(session.stream, this.#onFirstFrame);
    session.addEventListener("end", () => {
      if (this.#session === session) {
        this.#leave();
        this.#offers = WHY_LOOKS;
        if (this.#state !== "ended") {
          this.#to("reconnecting", navigator.onLine ? "The connection ended. Joining again…" : unreached(false));
        }
        this.#join();
      }
    });
    this.#tellSoundOnly(session);
    this.#publisher = null;
    this.#reached = null;
    listen(session, {
      reconnect: () => this.#follow(session),
      active: () => this.#heard(session, "active"),
      inactive: () => this.#heard(session, "inactive"),
    });
    this.#watchOver(session);
  }

  /** @param {Session} session */
  #watchOver(session) {
    const meter = new Meter(session.pc);
    const pulse = new Meter(session.pc);
    const liveness = new Liveness(performance.now());
    const slow = new SlowConnection();
    const polls = [
      every(PULSE_MS, async () => this.#judge(session, liveness, await pulse.read()), { hidden: true }),
      every(1000, async () => this.#showStats(session, slow, await meter.read())),
    ];
    this.#poll = {
      stop() {
        for (const poll of polls) {
          poll.stop();
        }
      },
    };
  }

  /**
   * The node says whether its publisher sends. An end is asked for at once: the API knows it as soon as the node does.
   * @param {Session} session
   * @param {"active" | "inactive"} word
   */
  #heard(session, word) {
    if (this.#session !== session) {
      return;
    }
    this.#publisher = word;
    if (word === "inactive") {
      this.#ask(session);
    }
  }

  /**
   * A picture that this browser has no decoder for is refused while sound plays: say so, or it looks like a fault.
   * @param {Session} session
   */
  async #tellSoundOnly(session) {
    this.#soundOnly = null;
    delete this.#stage.dataset.soundOnly;
    const receives = session.pc.getTransceivers().filter(({ currentDirection }) => currentDirection === "recvonly");
    if (receives.some(({ receiver }) => receiver.track.kind === "video")) {
      return;
    }
    const { carries } = await session.state();
    if (carries?.video && this.#session === session) {
      this.#soundOnly = `Sound only: this browser cannot decode ${carries.video}.`;
      this.#stage.dataset.soundOnly = carries.video;
      this.#to(this.#state);
    }
  }

  /**
   * @param {Session} session
   * @param {number} began when it was asked for
   */
  #began(session, began) {
    if (this.#session === session && this.#firstFrameMs === null) {
      this.#firstFrameMs = performance.now() - began;
      this.#stage.dataset.firstFrameMs = String(Math.round(this.#firstFrameMs));
      this.#backoff.reset();
      this.#played = true;
      this.#to("playing");
    }
  }

  /**
   * The stream goes on at another server: join there, and keep the old picture until the new one is there.
   * @param {Session} old
   */
  async #follow(old) {
    const id = this.#streamId;
    if (this.#session !== old || !id) {
      return;
    }
    const attempt = new AbortController();
    this.#attempt = attempt;
    const began = performance.now();
    try {
      const session = await play({ endpoint: api.whep(id), signal: attempt.signal });
      await connected(session);
      if (attempt.signal.aborted || this.#session !== old || session.ended) {
        session.end();
        return;
      }
      this.#session = null;
      this.#poll?.stop();
      this.#joined(session, began);
      old.end();
    } catch (error) {
      if (!attempt.signal.aborted && this.#session === old) {
        this.#leave();
        this.#failed(error);
      }
    }
  }

  #leave() {
    const session = this.#session;
    this.#session = null;
    this.#poll?.stop();
    session?.end();
    this.#player.clear();
    this.#figures.clear();
    delete this.#stage.dataset.firstFrameMs;
    delete this.#stage.dataset.soundOnly;
  }

  /** @param {unknown} error */
  #failed(error) {
    if (!(error instanceof Refusal)) {
      console.error(error);
      this.#to("refused", "The browser could not play it.");
      this.#notice.show(
        {
          code: `BROWSER: ${error instanceof Error ? error.message : error}`,
          title: "The browser could not play it",
          text: "Something in this browser failed. Reload the page; if it fails again, use another browser.",
        },
        [{ label: "Try again", run: () => this.#join() }],
      );
      return;
    }
    const told = explain(error, "watch");
    if (error.code === "STREAM_OFFLINE") {
      this.#offline(told.retryAfter ?? 0);
      return;
    }
    if (error.code === "UNREACHABLE") {
      this.#again(this.#backoff.next(), unreached(navigator.onLine), "reconnecting");
      return;
    }
    /** @type {Partial<Record<import("../text/refusals.js").Action, import("../ui/notice.js").Choice>>} */
    const choices = {
      retry: { label: "Try again", run: () => this.#join(), wait: told.wait },
      "change-stream": { label: "Watch another stream", run: () => this.#askForStream() },
      stop: { label: "Stop trying", run: () => this.stop() },
    };
    const auto = told.auto ? Math.ceil(this.#backoff.next(told.retryAfter ?? 0)) : null;
    this.#to(told.auto ? "waiting" : "refused", told.auto ? `${told.title}. Waiting to try again…` : `${told.title}.`);
    this.#notice.show(told, told.actions.flatMap((name) => choices[name] ?? []), {
      auto,
      onAuto: () => this.#join(),
      focus: auto === null,
    });
  }

  /**
   * Nobody publishes: what was seen has ended, what never was is offline.
   * @param {number} atLeast seconds until the next look
   * @param {{say: string}[]} problems of the stream, while it was live
   */
  #offline(atLeast = 0, problems = []) {
    const ended = problems.length
      ? "The stream was ended, because its encoder sends what browsers cannot show. The streamer is told what to change."
      : this.#played ? "The stream has ended." : "The stream is offline.";
    const text = `${ended} Waiting for the streamer…`;
    this.#again(this.#backoff.next(atLeast), text, this.#played ? "ended" : "waiting");
  }

  /**
   * Look again in *seconds*: at the stream's public state, which costs less than an offer, unless the reason is wanted.
   * @param {number} seconds
   * @param {string} text
   * @param {State} state
   */
  #again(seconds, text, state) {
    this.#to(state, text);
    say(this.#nextLook, seconds >= 1 ? `Next look in ${Math.round(seconds)} s` : "");
    clearTimeout(this.#timer);
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#look = async () => {
      clearTimeout(this.#timer);
      this.#look = null;
      try {
        say(this.#nextLook, "Looking…");
        if (this.#offers > 0) {
          this.#offers -= 1;
          this.#join();
          return;
        }
        const { live, problems = [] } = await api.streamState(this.#streamId ?? "", { signal: attempt.signal });
        if (live) {
          this.#join();
        } else {
          this.#offline(0, problems);
        }
      } catch (error) {
        if (!attempt.signal.aborted) {
          this.#failed(error);
        }
      }
    };
    this.#timer = setTimeout(() => this.#look?.(), 1000 * seconds);
  }

  /** The network is back: no reason to wait longer. */
  #hurry() {
    if (this.#look) {
      this.#look();
    } else {
      this.#notice.hurry();
    }
  }

  #askForStream() {
    this.stop();
    this.#input.focus();
    this.#input.select();
  }

  /**
   * @param {Session} session
   * @param {SlowConnection} slow
   * @param {Reading | null} reading
   */
  #showStats(session, slow, reading) {
    if (!reading || this.#session !== session) {
      return;
    }
    const said = slow.read(reading);
    this.#figures.show(reading, {
      connection: session.pc.connectionState,
      firstFrameMs: this.#firstFrameMs,
      muted: this.#player.isMuted,
      slow: this.#state === "playing" || this.#state === "paused" ? said : "",
    });
  }

  /**
   * Playing, paused, or gone: by what was decoded and what arrived since the last reading.
   * @param {Session} session
   * @param {Liveness} liveness
   * @param {Reading | null} reading
   */
  #judge(session, liveness, reading) {
    if (!reading || this.#session !== session) {
      return;
    }
    const { frames, audioBytes, arrived } = reading;
    const now = performance.now();
    const { at } = this.#progress;
    const soundOnly = frames === 0 && audioBytes > this.#progress.audioBytes;
    const silent = liveness.silent(arrived, now);
    const arriving = silent < SILENT_MS;
    if (frames > this.#progress.frames || soundOnly) {
      this.#progress = { frames, audioBytes, at: now };
      if (soundOnly) {
        this.#onFirstFrame();
      }
      if (["paused", "reconnecting", "ended"].includes(this.#state) && this.#firstFrameMs !== null) {
        this.#reached = null;
        this.#to("playing");
      }
      return;
    }
    const still = now - at;
    if (still < (this.#state === "joining" ? REJOIN_AFTER_MS : PAUSED_MS)) {
      return;
    }
    if (silent > GIVE_UP_MS) {
      session.end("lost");
      return;
    }
    if (this.#state !== "ended" && this.#state !== "joining") {
      this.#interrupted(arriving);
    }
    if (now - this.#askedAt > ASK_EVERY_MS) {
      this.#ask(session, { still, arriving });
    }
  }

  /**
   * @param {boolean} arriving whether packets still come
   * @param {boolean | null} [live] what the API says; null where it was not asked
   */
  #interrupted(arriving, live = null) {
    const known = { online: navigator.onLine, publisher: this.#publisher, reached: this.#reached };
    const { state, text } = interruption({ arriving, live, ...known });
    this.#to(state, text);
  }

  /**
   * Ask the API whether the stream is live still, and go by its answer.
   * @param {Session} session
   * @param {{still?: number, arriving?: boolean}} [picture] *still*: milliseconds without a new picture; *arriving*: packets come
   */
  async #ask(session, { still = 0, arriving = false } = {}) {
    if (this.#asking) {
      return;
    }
    this.#asking = true;
    this.#askedAt = performance.now();
    try {
      const stream = await api.streamState(this.#streamId ?? "", { timeout: ASK_TIMEOUT_MS });
      this.#reached = true;
      if (this.#session === session && (this.#state !== "playing" || this.#publisher === "inactive")) {
        this.#answered(stream, still, arriving);
      }
    } catch {
      this.#reached = false;
      if (this.#session === session && this.#state !== "playing" && this.#state !== "joining") {
        this.#interrupted(arriving);
      }
    } finally {
      this.#asking = false;
    }
  }

  /**
   * Go by what the API says while there is no picture: give the place back, join anew, or say whose fault it is.
   * @param {api.StreamState} stream
   * @param {number} still milliseconds without a new picture
   * @param {boolean} arriving whether packets still come
   */
  #answered({ live, problems = [] }, still, arriving) {
    if (!live && still > LEAVE_AFTER_MS) {
      this.#leave();
      this.#offline(2, problems);
    } else if (live && still > REJOIN_AFTER_MS) {
      this.#leave();
      this.#join();
    } else if (this.#state !== "joining" && (!live || this.#state !== "playing")) {
      this.#interrupted(arriving, live);
    }
  }

  /**
   * Show *state*, with the sentence *text* instead of its own.
   * @param {State} state
   * @param {string | null} [text]
   */
  #to(state, text = null) {
    this.#state = state;
    this.#stage.dataset.state = state;
    say(this.#status, text ?? ((state === "playing" && this.#soundOnly) || sentence(state)));
    if (!this.#look) {
      say(this.#nextLook, "");
    }
    byId("stop-watching", HTMLButtonElement).hidden = state === "idle";
    this.#onState();
  }
}
