// The figures beside the preview: what is sent, how many watch, and what limits the quality.

import { clock, count, kbps } from "../text/format.js";
import { byId, describe, fillList, say } from "../ui/dom.js";

/** @typedef {import("../webrtc/stats.js").Reading} Reading */

/** @type {Record<string, string>} */
const LIMITED = {
  cpu: "This computer is at its limit: quality is reduced.",
  bandwidth: "The network is at its limit: quality is reduced.",
};
/** Every browser begins low and ramps up for so long; that is no news. */
const RAMP_UP_MS = 10_000;

/**
 * What a publisher is told of reduced quality; nothing while there is none. Pure.
 * @param {Pick<Reading, "kbps" | "limitation">} reading
 * @param {number} wantedKbps
 * @param {number} liveMs
 */
export function limitation(reading, wantedKbps, liveMs) {
  const reduced = liveMs > RAMP_UP_MS && ((reading.kbps ?? 0) < 0.6 * wantedKbps || reading.limitation === "cpu");
  return reduced ? (LIMITED[reading.limitation] ?? "") : "";
}

/** The elements that show figures of a broadcast; empty while there is none. */
export class Figures {
  #stats = byId("publish-stats", HTMLElement);
  #limitation = byId("limitation", HTMLElement);
  #clock = byId("live-clock", HTMLElement);
  #viewers = byId("viewer-count", HTMLElement);
  #problems = byId("publish-problems", HTMLElement);

  /**
   * Show what the last second was like.
   * @param {Reading} reading
   * @param {{wantedKbps: number, liveSince: number}} broadcast *liveSince* in milliseconds since 1970
   */
  showReading(reading, { wantedKbps, liveSince }) {
    const now = Date.now();
    this.#stats.dataset.frames = String(reading.frames);
    say(this.#clock, liveSince ? clock((now - liveSince) / 1000) : "");
    describe(this.#stats, [
      ["Sending", kbps(reading.kbps)],
      ["Picture", reading.width ? `${reading.width}×${reading.height}` : "–"],
      ["Frames", reading.fps === null ? "–" : `${Math.round(reading.fps)}/s`],
      ["Codec", reading.codec || "–"],
      ["Loss", `${reading.lossPercent.toFixed(1)} %`],
      ["Round trip", reading.rtt === null ? "–" : `${Math.round(reading.rtt)} ms`],
    ]);
    say(this.#limitation, limitation(reading, wantedKbps, now - liveSince));
  }

  /**
   * Show how many watch, and what is wrong with the stream.
   * @param {import("../api.js").StreamState} stream
   */
  showViewers({ viewers, limit, problems = [] }) {
    fillList(this.#problems, problems.map((problem) => problem.say));
    say(this.#viewers, limit ? `${viewers} of ${count(limit, "viewer")}` : count(viewers, "viewer"));
  }

  /** What was measured before says nothing of now. */
  clearReading() {
    this.#stats.replaceChildren();
    say(this.#limitation, "");
  }

  /** Nothing is published any more: show no figures at all. */
  clear() {
    say(this.#viewers, "");
    fillList(this.#problems, []);
    say(this.#clock, "");
    this.clearReading();
  }
}
