// The watch view: one stream, joined again for as long as somebody wants to see it.
//
// A running session is left alone when the picture pauses: viewers stay connected while a publisher is taken over.

import * as api from "./api.js";
import { Backoff } from "./backoff.js";
import { listen } from "./events.js";
import { byId, describe, every, say } from "./dom.js";
import { kbps, streamIdIn } from "./format.js";
import { Notice } from "./notice.js";
import { explain } from "./refusals.js";
import { Refusal } from "./session.js";
import { Meter } from "./stats.js";
import { play } from "./whep.js";

const PAUSED_AFTER_MS = 2500;
/** A publisher may have come back on another node, which this session will never see. */
const REJOIN_AFTER_MS = 8000;
/** Nobody publishes any more: the place among the viewers is given back. */
const LEAVE_AFTER_MS = 12_000;

/** Resolves when *session* is connected, or over. */
function connected(session) {
  return new Promise((resolve) => {
    const look = () => (session.ended || session.pc.connectionState === "connected") && resolve();
    session.addEventListener("state", look);
    session.addEventListener("end", look);
    look();
  });
}

export class WatchView {
  #streamId = null;
  #session = null;
  #attempt = null;
  #timer = null;
  #poll = null;
  #backoff = new Backoff({ first: 1, ceiling: 8 });
  #notice = new Notice(byId("watch-notice"));
  #progress = { frames: 0, audioBytes: 0, at: 0 };
  #looking = false;
  #firstFrameMs = null;
  /** The sentence, where there is a picture that cannot be shown. */
  #soundOnly = null;

  constructor() {
    this.form = byId("watch-form");
    this.input = byId("stream-id");
    this.stage = byId("watch-stage");
    this.video = byId("player");
    this.status = byId("watch-status");
    this.sound = byId("sound");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submitted();
    });
    byId("stop-watching").addEventListener("click", () => {
      this.stop();
      this.input.focus();
    });
    for (const button of [this.sound, byId("unmute")]) {
      button.addEventListener("click", () => {
        this.#setMuted(button === this.sound ? !this.video.muted : false);
        if (button !== this.sound) {
          this.sound.focus();
        }
      });
    }
    byId("fullscreen").addEventListener("click", () => this.#fullscreen());
    this.video.addEventListener("volumechange", () => this.#soundShown());
    this.#setMuted(true);
    this.#to("idle");
  }

  get streamId() {
    return this.#streamId;
  }

  /** `idle`, `joining`, `playing`, `paused`, `waiting` or `refused`. */
  get state() {
    return this.stage.dataset.state;
  }

  /** Watch *streamId* until `stop`. */
  watch(streamId) {
    this.stop();
    this.#streamId = streamId;
    this.input.value = streamId;
    this.#join();
  }

  stop() {
    this.#attempt?.abort();
    this.#attempt = null;
    clearTimeout(this.#timer);
    this.#leave();
    this.#streamId = null;
    this.#backoff.reset();
    this.#notice.clear();
    this.#to("idle");
  }

  #submitted() {
    const id = streamIdIn(this.input.value);
    if (!id) {
      this.input.setAttribute("aria-invalid", "true");
      this.#notice.show(
        {
          code: "NOT_A_STREAM",
          title: "This is not a watch link",
          text: "A stream id has 16 letters and digits. Paste the id, the watch link or the WHEP address.",
        },
        [{ label: "Correct it", run: () => this.input.focus() }],
      );
      return;
    }
    this.input.removeAttribute("aria-invalid");
    history.pushState(null, "", `/watch/${id}`);
    this.watch(id);
  }

  async #join() {
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#notice.clear();
    this.#to("joining");
    const began = performance.now();
    try {
      const session = await play({ endpoint: api.whep(this.#streamId), signal: attempt.signal });
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

  #joined(session, began) {
    this.#session = session;
    this.#firstFrameMs = null;
    this.#progress = { frames: 0, audioBytes: 0, at: performance.now() };
    this.video.srcObject = session.stream;
    this.video.play().catch(() => {});
    const first = () => this.#began(session, began);
    session.firstFrame = first;
    if (this.video.requestVideoFrameCallback) {
      this.video.requestVideoFrameCallback(first);
    } else {
      this.video.addEventListener("loadeddata", first, { once: true });
    }
    session.addEventListener("end", () => {
      if (this.#session === session) {
        this.#leave();
        this.#again(0.2, "The connection ended. Joining again…");
      }
    });
    listen(session, () => this.#follow(session));
    this.#tellSoundOnly(session);
    const meter = new Meter(session.pc);
    this.#poll = every(1000, async () => this.#showStats(session, await meter.read()));
  }

  /** A picture that this browser has no decoder for is refused while sound plays: say so, or it looks like a fault. */
  async #tellSoundOnly(session) {
    this.#soundOnly = null;
    delete this.stage.dataset.soundOnly;
    const receives = session.pc.getTransceivers().filter(({ currentDirection }) => currentDirection === "recvonly");
    if (receives.some(({ receiver }) => receiver.track.kind === "video")) {
      return;
    }
    const { carries } = await session.state();
    if (carries?.video && this.#session === session) {
      this.#soundOnly = `Sound only: this browser cannot decode ${carries.video}.`;
      this.stage.dataset.soundOnly = carries.video;
      this.#to(this.state);
    }
  }

  #began(session, began) {
    if (this.#session === session && this.#firstFrameMs === null) {
      this.#firstFrameMs = performance.now() - began;
      this.stage.dataset.firstFrameMs = Math.round(this.#firstFrameMs);
      this.#backoff.reset();
      this.#to("playing");
    }
  }

  /** The stream goes on at another server: join there, and keep the old picture until the new one is there. */
  async #follow(old) {
    if (this.#session !== old) {
      return;
    }
    const attempt = new AbortController();
    this.#attempt = attempt;
    const began = performance.now();
    try {
      const session = await play({ endpoint: api.whep(this.#streamId), signal: attempt.signal });
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
    this.video.srcObject = null;
    byId("watch-stats").replaceChildren();
    delete byId("watch-stats").dataset.frames;
    delete this.stage.dataset.firstFrameMs;
    delete this.stage.dataset.soundOnly;
  }

  #failed(error) {
    if (!(error instanceof Refusal)) {
      console.error(error);
      this.#to("refused", "The browser could not play it.");
      this.#notice.show({ code: "BROWSER", title: "The browser could not play it", text: String(error.message) }, [
        { label: "Try again", run: () => this.#join() },
      ]);
      return;
    }
    const told = explain(error, "watch");
    if (error.code === "STREAM_OFFLINE") {
      this.#again(this.#backoff.next(told.retryAfter), "The stream is offline. Waiting for the streamer…");
      return;
    }
    const wait = told.retryAfter ?? 0;
    const effects = {
      retry: { label: "Try again", run: () => this.#join(), wait: told.auto ? 0 : wait },
      "change-stream": { label: "Watch another stream", run: () => this.#askForStream() },
      stop: { label: "Stop trying", run: () => this.stop() },
    };
    const auto = told.auto ? Math.ceil(this.#backoff.next(wait)) : null;
    this.#to("refused", told.title);
    this.#notice.show(told, told.actions.map((name) => effects[name]).filter(Boolean), {
      auto,
      onAuto: () => this.#join(),
      focus: auto === null,
    });
  }

  /** Look again in *seconds*: first at the stream's public state, which costs less than an offer. */
  #again(seconds, text) {
    this.#to("waiting", text);
    say(byId("next-look"), seconds >= 1 ? `Next look in ${Math.round(seconds)} s` : "");
    clearTimeout(this.#timer);
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#timer = setTimeout(async () => {
      try {
        say(byId("next-look"), "Looking…");
        const { live } = await api.streamState(this.#streamId, attempt.signal);
        if (live) {
          this.#join();
        } else {
          this.#again(this.#backoff.next(), "The stream is offline. Waiting for the streamer…");
        }
      } catch (error) {
        if (!attempt.signal.aborted) {
          this.#failed(error);
        }
      }
    }, 1000 * seconds);
  }

  #askForStream() {
    this.stop();
    this.input.focus();
    this.input.select();
  }

  #setMuted(muted) {
    this.video.muted = muted;
    this.#soundShown();
  }

  #soundShown() {
    this.sound.textContent = this.video.muted ? "Unmute" : "Mute";
    this.sound.setAttribute("aria-pressed", String(this.video.muted));
    this.stage.classList.toggle("muted", this.video.muted);
  }

  #fullscreen() {
    if (document.fullscreenElement) {
      document.exitFullscreen();
    } else if (this.stage.requestFullscreen) {
      this.stage.requestFullscreen().catch(() => {});
    } else {
      this.video.webkitEnterFullscreen?.(); // iPhone: only a video can be full screen
    }
  }

  #showStats(session, reading) {
    if (!reading || this.#session !== session) {
      return;
    }
    this.#judge(session, reading);
    const list = byId("watch-stats");
    list.dataset.frames = reading.frames;
    list.dataset.audioEnergy = reading.audioEnergy;
    describe(list, [
      ["Connection", session.pc.connectionState],
      ["Picture", reading.width ? `${reading.width}×${reading.height}` : "–"],
      ["Frames", reading.fps === null ? "–" : `${Math.round(reading.fps)}/s`],
      ["Receiving", kbps(reading.kbps)],
      ["Loss", `${reading.lossPercent.toFixed(1)} %`],
      ["First frame", this.#firstFrameMs === null ? "–" : `${Math.round(this.#firstFrameMs)} ms`],
      ["Codec", reading.codec || "–"],
      ["Sound", this.#soundOf(reading)],
      ["Buffer", reading.jitterMs === null ? "–" : `${Math.round(reading.jitterMs)} ms`],
    ]);
  }

  /** Playing, paused, or gone: by what was decoded since the last reading. */
  #judge(session, { frames, audioBytes }) {
    const { at } = this.#progress;
    const soundOnly = frames === 0 && audioBytes > this.#progress.audioBytes;
    if (frames > this.#progress.frames || soundOnly) {
      this.#progress = { frames, audioBytes, at: performance.now() };
      if (soundOnly) {
        session.firstFrame();
      }
      if (this.state === "paused") {
        this.#to("playing");
      }
      return;
    }
    const still = performance.now() - at;
    if (this.state === "playing" && still > PAUSED_AFTER_MS) {
      this.#to("paused");
    }
    if (still > REJOIN_AFTER_MS && !this.#looking) {
      this.#lookWhileStill(session, still);
    }
  }

  async #lookWhileStill(session, still) {
    this.#looking = true;
    try {
      const { live } = await api.streamState(this.#streamId);
      if (this.#session !== session || this.state === "playing") {
        return;
      }
      if (live) {
        this.#leave();
        this.#join();
      } else if (still > LEAVE_AFTER_MS) {
        this.#leave();
        this.#again(this.#backoff.next(2), "The stream has ended. Waiting for the streamer…");
      }
    } catch {
      // The next reading looks again.
    } finally {
      this.#looking = false;
    }
  }

  #soundOf({ audioLevel }) {
    if (audioLevel === null) {
      return "–";
    }
    if (this.video.muted) {
      return "muted";
    }
    return audioLevel > 0 ? `${Math.round(20 * Math.log10(audioLevel))} dB` : "silent";
  }

  #to(state, text = null) {
    this.stage.dataset.state = state;
    const said = {
      idle: "Nothing is playing.",
      joining: "Joining the stream…",
      playing: "Playing.",
      paused: "The picture has paused. Waiting for the streamer…",
      waiting: "Waiting for the streamer…",
      refused: "The stream cannot be played.",
    };
    say(this.status, text ?? (state === "playing" && this.#soundOnly) || said[state]);
    if (state !== "waiting") {
      say(byId("next-look"), "");
    }
    byId("stop-watching").hidden = state === "idle";
  }
}
