// The figures beside the player: what is received, and whether the connection keeps up.

import { kbps } from "../text/format.js";
import { byId, describe, say } from "../ui/dom.js";

/** @typedef {import("../webrtc/stats.js").Reading} Reading */

/**
 * How loud the sound is, as a viewer reads it. Pure.
 * @param {number | null} audioLevel 0 to 1, as WebRTC's statistics have it; null where the browser does not say
 * @param {boolean} muted
 */
export function loudness(audioLevel, muted) {
  if (audioLevel === null) {
    return "–";
  }
  if (muted) {
    return "muted";
  }
  return audioLevel > 0 ? `${Math.round(20 * Math.log10(audioLevel))} dB` : "silent";
}

/** The elements that show figures of a session; empty while there is none. */
export class Figures {
  #stats = byId("watch-stats", HTMLElement);
  #slow = byId("slow", HTMLElement);

  /**
   * Show what the last second was like. *slow*: what is said of a connection that cannot keep up.
   * @param {Reading} reading
   * @param {{connection: string, firstFrameMs: number | null, muted: boolean, slow: string}} session
   */
  show(reading, { connection, firstFrameMs, muted, slow }) {
    say(this.#slow, slow);
    this.#stats.dataset.frames = String(reading.frames);
    this.#stats.dataset.audioEnergy = String(reading.audioEnergy);
    describe(this.#stats, [
      ["Connection", connection],
      ["Picture", reading.width ? `${reading.width}×${reading.height}` : "–"],
      ["Frames", reading.fps === null ? "–" : `${Math.round(reading.fps)}/s`],
      ["Receiving", kbps(reading.kbps)],
      ["Loss", `${reading.lossPercent.toFixed(1)} %`],
      ["First frame", firstFrameMs === null ? "–" : `${Math.round(firstFrameMs)} ms`],
      ["Codec", reading.codec || "–"],
      ["Sound", loudness(reading.audioLevel, muted)],
      ["Buffer", reading.jitterMs === null ? "–" : `${Math.round(reading.jitterMs)} ms`],
    ]);
  }

  /** Nothing is received any more: show no figures. */
  clear() {
    this.#stats.replaceChildren();
    say(this.#slow, "");
    delete this.#stats.dataset.frames;
  }
}
