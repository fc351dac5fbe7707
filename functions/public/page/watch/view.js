// The watch view: one stream, joined again for as long as somebody wants to see it.
//
// A running session is left alone when the picture pauses: viewers stay connected while a publisher is taken over. Whose fault a
// pause is comes from three witnesses: the node's events, the API, and what arrives here (interruption.js).

import * as api from "../api.js";
import { Backoff } from "../webrtc/backoff.js";
import { listen } from "../webrtc/server-events.js";
import { byId, describe, every, say } from "../ui/dom.js";
import { PAUSED_MS, Slowness, blame } from "./interruption.js";
import { kbps, streamIdIn } from "../text/format.js";
import { Liveness } from "../webrtc/liveness.js";
import { Notice } from "../ui/notice.js";
import { notAStream } from "../text/pasted.js";
import { explain } from "../text/refusals.js";
import { Refusal } from "../webrtc/session.js";
import { Meter } from "../webrtc/stats.js";
import { play } from "../webrtc/whep.js";

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
  #look = null;
  #poll = null;
  #backoff = new Backoff({ first: 1, ceiling: 8 });
  #notice = new Notice(byId("watch-notice"));
  #progress = { frames: 0, audioBytes: 0, at: 0 };
  #looking = false;
  #lookedAt = 0;
  #told = null;
  #reached = null;
  #why = 0;
  #played = false;
  #onState;
  #firstFrameMs = null;
  /** The sentence, where there is a picture that cannot be shown. */
  #soundOnly = null;

  /** *onState* is called after each change of `state`. */
  constructor(onState = () => {}) {
    this.#onState = onState;
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
    addEventListener("online", () => this.#hurry());
    this.#setMuted(true);
    this.#to("idle");
  }

  get streamId() {
    return this.#streamId;
  }

  /** `idle`, `joining`, `playing`, `paused`, `reconnecting`, `waiting`, `ended` or `refused`. */
  get state() {
    return this.stage.dataset.state;
  }

  /** Watch *streamId* until `stop`. */
  watch(streamId) {
    this.stop();
    this.#streamId = streamId;
    this.#why = 0;
    this.#played = false;
    this.input.value = streamId;
    this.#join();
  }

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
    const id = streamIdIn(this.input.value);
    if (!id) {
      this.input.setAttribute("aria-invalid", "true");
      this.#notice.show(
        notAStream(this.input.value),
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
    if (this.state !== "reconnecting" && this.state !== "ended") {
      this.#to("joining");
    }
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
        this.#why = WHY_LOOKS;
        if (this.state !== "ended") {
          this.#to("reconnecting", navigator.onLine ? "The connection ended. Joining again…" : blame({ online: false }).text);
        }
        this.#join();
      }
    });
    this.#tellSoundOnly(session);
    this.#told = null;
    this.#reached = null;
    listen(session, {
      reconnect: () => this.#follow(session),
      active: () => this.#heard(session, "active"),
      inactive: () => this.#heard(session, "inactive"),
    });
    const meter = new Meter(session.pc);
    const pulse = new Meter(session.pc);
    const liveness = new Liveness(performance.now());
    const slowness = new Slowness();
    const polls = [
      every(PULSE_MS, async () => this.#judge(session, liveness, await pulse.read()), { hidden: true }),
      every(1000, async () => this.#showStats(session, slowness, await meter.read())),
    ];
    this.#poll = {
      stop() {
        for (const poll of polls) {
          poll.stop();
        }
      },
    };
  }

  /** The node says whether its publisher sends. An end is asked for at once: the API knows it as soon as the node does. */
  #heard(session, word) {
    if (this.#session !== session) {
      return;
    }
    this.#told = word;
    if (word === "inactive") {
      this.#ask(session);
    }
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
      this.#played = true;
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
    say(byId("slow"), "");
    delete byId("watch-stats").dataset.frames;
    delete this.stage.dataset.firstFrameMs;
    delete this.stage.dataset.soundOnly;
  }

  #failed(error) {
    if (!(error instanceof Refusal)) {
      console.error(error);
      this.#to("refused", "The browser could not play it.");
      this.#notice.show(
        {
          code: `BROWSER: ${error.message}`,
          title: "The browser could not play it",
          text: "Something in this browser failed. Reload the page; if it fails again, use another browser.",
        },
        [{ label: "Try again", run: () => this.#join() }],
      );
      return;
    }
    const told = explain(error, "watch");
    if (error.code === "STREAM_OFFLINE") {
      this.#offline(told.retryAfter);
      return;
    }
    if (error.code === "UNREACHABLE") {
      this.#again(this.#backoff.next(), blame({ online: navigator.onLine, reached: false }).text, "reconnecting");
      return;
    }
    const effects = {
      retry: { label: "Try again", run: () => this.#join(), wait: told.wait },
      "change-stream": { label: "Watch another stream", run: () => this.#askForStream() },
      stop: { label: "Stop trying", run: () => this.stop() },
    };
    const auto = told.auto ? Math.ceil(this.#backoff.next(told.retryAfter ?? 0)) : null;
    this.#to(told.auto ? "waiting" : "refused", told.auto ? `${told.title}. Waiting to try again…` : `${told.title}.`);
    this.#notice.show(told, told.actions.map((name) => effects[name]).filter(Boolean), {
      auto,
      onAuto: () => this.#join(),
      focus: auto === null,
    });
  }

  /** Nobody publishes: what was seen has ended, what never was is offline. */
  #offline(atLeast = 0, problems = []) {
    const ended = problems.length
      ? "The stream was ended, because its encoder sends what browsers cannot show. The streamer is told what to change."
      : this.#played ? "The stream has ended." : "The stream is offline.";
    const text = `${ended} Waiting for the streamer…`;
    this.#again(this.#backoff.next(atLeast), text, this.#played ? "ended" : "waiting");
  }

  /** Look again in *seconds*: at the stream's public state, which costs less than an offer, unless the reason is wanted. */
  #again(seconds, text, state) {
    this.#to(state, text);
    say(byId("next-look"), seconds >= 1 ? `Next look in ${Math.round(seconds)} s` : "");
    clearTimeout(this.#timer);
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#look = async () => {
      clearTimeout(this.#timer);
      this.#look = null;
      try {
        say(byId("next-look"), "Looking…");
        if (this.#why > 0) {
          this.#why -= 1;
          this.#join();
          return;
        }
        const { live, problems = [] } = await api.streamState(this.#streamId, { signal: attempt.signal });
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
    this.input.focus();
    this.input.select();
  }

  #setMuted(muted) {
    this.video.muted = muted;
    this.#soundShown();
  }

  #soundShown() {
    this.sound.textContent = this.video.muted ? "Unmute" : "Mute";
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

  #showStats(session, slowness, reading) {
    if (!reading || this.#session !== session) {
      return;
    }
    const slow = slowness.read(reading);
    say(byId("slow"), this.state === "playing" || this.state === "paused" ? slow : "");
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

  /** Playing, paused, or gone: by what was decoded and what arrived since the last reading. */
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
        session.firstFrame();
      }
      if (["paused", "reconnecting", "ended"].includes(this.state) && this.#firstFrameMs !== null) {
        this.#reached = null;
        this.#to("playing");
      }
      return;
    }
    const still = now - at;
    if (still < (this.state === "joining" ? REJOIN_AFTER_MS : PAUSED_MS)) {
      return;
    }
    if (silent > GIVE_UP_MS) {
      session.end("lost");
      return;
    }
    if (this.state !== "ended" && this.state !== "joining") {
      this.#blamed(arriving);
    }
    if (now - this.#lookedAt > ASK_EVERY_MS) {
      this.#ask(session, { still, arriving });
    }
  }

  #blamed(arriving, live = null) {
    const { state, text } = blame({ online: navigator.onLine, arriving, told: this.#told, live, reached: this.#reached });
    this.#to(state, text);
  }

  /** Ask the API whether the stream is live still, and go by its answer. */
  async #ask(session, { still = 0, arriving = false } = {}) {
    if (this.#looking) {
      return;
    }
    this.#looking = true;
    this.#lookedAt = performance.now();
    try {
      const { live, problems = [] } = await api.streamState(this.#streamId, { timeout: ASK_TIMEOUT_MS });
      this.#reached = true;
      if (this.#session !== session || (this.state === "playing" && this.#told !== "inactive")) {
        return;
      }
      if (!live && still > LEAVE_AFTER_MS) {
        this.#leave();
        this.#offline(2, problems);
      } else if (live && still > REJOIN_AFTER_MS) {
        this.#leave();
        this.#join();
      } else if (this.state !== "joining" && (!live || this.state !== "playing")) {
        this.#blamed(arriving, live);
      }
    } catch {
      this.#reached = false;
      if (this.#session === session && this.state !== "playing" && this.state !== "joining") {
        this.#blamed(arriving);
      }
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
      paused: "The picture has paused. Waiting for it…",
      reconnecting: "The connection was lost. Reconnecting…",
      ended: "The stream has ended. Waiting for the streamer…",
      waiting: "Waiting for the streamer…",
      refused: "The stream cannot be played.",
    };
    say(this.status, text ?? ((state === "playing" && this.#soundOnly) || said[state]));
    if (!this.#look) {
      say(byId("next-look"), "");
    }
    byId("stop-watching").hidden = state === "idle";
    this.#onState();
  }
}
