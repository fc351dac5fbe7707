// The video element of a viewer, with its sound and its full screen.

import { byId } from "../ui/dom.js";

/** The player of the watch view: shows a stream, muted until the viewer wants sound. */
export class Player {
  #video = byId("player", HTMLVideoElement);
  #stage = byId("watch-stage", HTMLElement);
  #sound = byId("sound", HTMLButtonElement);

  constructor() {
    const unmute = byId("unmute", HTMLButtonElement);
    this.#sound.addEventListener("click", () => this.#setMuted(!this.#video.muted));
    unmute.addEventListener("click", () => {
      this.#setMuted(false);
      this.#sound.focus();
    });
    byId("fullscreen", HTMLButtonElement).addEventListener("click", () => this.#toggleFullscreen());
    this.#video.addEventListener("volumechange", () => this.#showSound());
    this.#video.addEventListener("volumechange", () => this.#showSound());
    this.#setMuted(true);
  }

  /** Whether the viewer hears nothing. */
  get isMuted() {
    return this.#video.muted;
  }

  /**
   * Show *stream*, and call *onFirstFrame* when its first picture is there.
   * @param {MediaStream} stream
   * @param {() => void} onFirstFrame
   */
  show(stream, onFirstFrame) {
    this.#video.srcObject = stream;
    this.#video.play().catch(() => {});
    if ("requestVideoFrameCallback" in this.#video) {
      this.#video.requestVideoFrameCallback(onFirstFrame);
    } else {
      // Browsers of 2023 without it; for TypeScript there are none.
      /** @type {HTMLVideoElement} */ (this.#video).addEventListener("loadeddata", onFirstFrame, { once: true });
    }
  }

  /** Show no stream any more. */
  clear() {
    this.#video.srcObject = null;
  }

  /** @param {boolean} muted */
  #setMuted(muted) {
    this.#video.muted = muted;
    this.#showSound();
  }

  #showSound() {
    this.#sound.textContent = this.#video.muted ? "Unmute" : "Mute";
    this.#stage.classList.toggle("muted", this.#video.muted);
  }

  #toggleFullscreen() {
    if (document.fullscreenElement) {
      document.exitFullscreen();
    } else if (this.#stage.requestFullscreen) {
      this.#stage.requestFullscreen().catch(() => {});
    } else if ("webkitEnterFullscreen" in this.#video) {
      // iPhone: only a video can be full screen.
      /** @type {{webkitEnterFullscreen: () => void}} */ (this.#video).webkitEnterFullscreen();
    }
  }
}
