// The life of what is published: attempts to connect, the session that came of one, and whether viewers are reached.

import * as api from "../api.js";
import { every } from "../ui/polling.js";
import { Liveness } from "../webrtc/liveness.js";
import { Meter } from "../webrtc/stats.js";
import { publish, replaceTracks, setBitrate } from "../webrtc/whip.js";
import { afterSilence } from "./states.js";

/** @typedef {import("../webrtc/session.js").Session} Session */
/** @typedef {import("../webrtc/stats.js").Reading} Reading */
/** @typedef {import("./states.js").State} State */

/** How often it is looked whether the server is reached. */
const PULSE_MS = 500;
const STATS_MS = 1000;
const VIEWERS_MS = 3000;

/**
 * What the view does with the news. *state*: the view's state now; *onSession*: the server took the offer; *onState*: viewers are
 * reached, or not any more; *onEnd*: the connection is over though nobody stopped it; *onReading*: figures of each second;
 * *onViewers*: it is time to ask how many watch.
 * @typedef {{state: () => State, onSession: (session: Session) => void, onState: (state: "live" | "reconnecting") => void, onEnd: () => void, onReading: (reading: Reading) => void, onViewers: () => unknown}} Hooks
 */

/** One stream on its way to a node: at most one session, and at most one attempt to get one. */
export class Broadcast {
  #hooks;
  /** @type {Session | null} */
  #session = null;
  /** @type {AbortController | null} */
  #attempt = null;
  /** @type {import("../ui/polling.js").Polling[]} */
  #polls = [];
  #liveSince = 0;

  /** @param {Hooks} hooks */
  constructor(hooks) {
    this.#hooks = hooks;
  }

  /** When viewers were first reached, in milliseconds since 1970; 0 until they are, and again after a stop or a refusal. */
  get liveSince() {
    return this.#liveSince;
  }

  /** Whether there is a session, connected or about to be. */
  get isRunning() {
    return this.#session !== null;
  }

  /** Begin an attempt; its signal says when a person stopped it. */
  attempt() {
    this.#attempt = new AbortController();
    return this.#attempt.signal;
  }

  /** The attempt came to its end: a session, or a refusal. */
  attemptDone() {
    this.#attempt = null;
  }

  /**
   * Publish *stream*, unless *signal* says meanwhile that nobody wants it any more. Throws a `Refusal`.
   * @param {{key: string, stream: MediaStream, codec: string, kbps: number, force: boolean, signal: AbortSignal}} wanted
   */
  async connect({ signal, ...wanted }) {
    const session = await publish({ endpoint: api.WHIP, signal, ...wanted });
    if (signal.aborted) {
      session.end();
      return;
    }
    this.#published(session);
  }

  /**
   * Send the tracks of *stream* from now on.
   * @param {MediaStream} stream
   */
  async replaceTracks(stream) {
    if (this.#session) {
      await replaceTracks(this.#session, stream);
    }
  }

  /**
   * Send the picture with *kbps* from now on.
   * @param {number} kbps
   */
  async setBitrate(kbps) {
    if (this.#session) {
      await setBitrate(this.#session, kbps);
    }
  }

  /** The server refused to go on: what comes next is not the same broadcast. */
  forgetLive() {
    this.#liveSince = 0;
  }

  /** End the attempt and the session, whichever there is. */
  stop() {
    this.#attempt?.abort();
    this.#attempt = null;
    const session = this.#session;
    this.#session = null;
    session?.end();
    this.#liveSince = 0;
    this.#stopPolls();
  }

  /** @param {Session} session */
  #published(session) {
    this.#session = session;
    this.#attempt = null;
    session.addEventListener("end", () => {
      if (this.#session === session) {
        this.#session = null;
        this.#stopPolls();
        this.#hooks.onEnd();
      }
    });
    session.addEventListener("state", (event) => this.#connectionChanged(session, /** @type {CustomEvent} */ (event).detail));
    this.#hooks.onSession(session);
    this.#stopPolls();
    this.#poll(session);
    if (session.pc.connectionState === "connected") {
      session.dispatchEvent(new CustomEvent("state", { detail: "connected" }));
    }
  }

  /**
   * @param {Session} session
   * @param {RTCPeerConnectionState} state
   */
  #connectionChanged(session, state) {
    if (this.#session === session && state === "connected") {
      this.#liveSince ||= Date.now();
      this.#hooks.onState("live");
    } else if (this.#session === session && state === "disconnected") {
      this.#hooks.onState("reconnecting");
    }
  }

  /** @param {Session} session */
  #poll(session) {
    const meter = new Meter(session.pc);
    const pulse = new Meter(session.pc);
    const liveness = new Liveness(performance.now());
    this.#polls = [
      every(PULSE_MS, async () => this.#judge(session, liveness, await pulse.read()), { hidden: true }),
      every(STATS_MS, async () => {
        const reading = await meter.read();
        if (reading && this.#session) {
          this.#hooks.onReading(reading);
        }
      }),
      every(VIEWERS_MS, () => this.#hooks.onViewers()),
    ];
  }

  /**
   * Live, or not reaching the server any more: by what comes back.
   * @param {Session} session
   * @param {Liveness} liveness
   * @param {Reading | null} reading
   */
  #judge(session, liveness, reading) {
    if (!reading || this.#session !== session || !this.#liveSince) {
      return;
    }
    const silent = liveness.silent(reading.arrived, performance.now());
    const connected = session.pc.connectionState === "connected";
    const next = afterSilence(this.#hooks.state(), { silent, online: navigator.onLine, connected });
    if (next === "lost") {
      session.end("lost");
    } else if (next) {
      this.#hooks.onState(next);
    }
  }

  #stopPolls() {
    for (const poll of this.#polls) {
      poll.stop();
    }
    this.#polls = [];
  }
}
