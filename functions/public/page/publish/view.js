// The publish view: a source, a key, and what becomes of them.
//
// States: idle -> opening (the source) -> connecting -> live -> (reconnecting -> live)* -> idle; `waiting` to try again by itself
// before it ever was live, `refused` until a person acts, `ended` with the source. The key of an account lives in its password
// field and in the Authorization header of one request; it is never put into a URL or into storage.

import * as api from "../api.js";
import { Backoff } from "../webrtc/backoff.js";
import { encodable } from "../webrtc/codecs.js";
import { byId, describe, every, fillList, markInvalid, say } from "../ui/dom.js";
import { clock, count, kbps, streamIdIn } from "../text/format.js";
import { forget, isKept, keptKey, takeFreeKey } from "./free-key.js";
import { Liveness, isGone } from "../webrtc/liveness.js";
import { Notice } from "../ui/notice.js";
import { notAKey, pasted } from "../text/pasted.js";
import { explain } from "../text/refusals.js";
import { Refusal } from "../webrtc/session.js";
import * as sources from "./sources.js";
import { Meter } from "../webrtc/stats.js";
import { playbackUrl, publish, replaceTracks, setBitrate } from "../webrtc/whip.js";

/** A server that hands its streams over closes the connection once another one has room: viewers see black meanwhile. */
const REJOIN_MS = 100;
/** A connection over which nothing came for so long is given up, and another one is made. */
const GIVE_UP_MS = 8000;
/** How often it is looked at. */
const PULSE_MS = 500;
/** States in which nothing runs, and the button begins. */
const AT_REST = new Set(["idle", "refused", "ended"]);
const SUGGESTED_KBPS = { "360p": 800, "720p": 2500, "1080p": 4500 };

export class PublishView {
  #source = null;
  #session = null;
  #attempt = null;
  #streamId = null;
  #liveSince = 0;
  #polls = [];
  #backoff = new Backoff({ first: 1, ceiling: 15 });
  #notice = new Notice(byId("publish-notice"));

  #state = "idle";
  #touched = false;
  #onState;

  /** *onState* is called after each change of `state`. */
  constructor(onState = () => {}) {
    this.#onState = onState;
    this.form = byId("publish-form");
    this.key = byId("stream-key");
    this.codec = byId("codec");
    this.resolution = byId("resolution");
    this.bitrate = byId("bitrate");
    this.preview = byId("preview");
    this.stage = byId("publish-stage");
    this.status = byId("publish-status");
    this.start = byId("go-live");
    this.mute = byId("mute-microphone");
    this.previewButton = byId("preview-source");
    for (const name of encodable()) {
      this.codec.append(new Option(name, name));
    }
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!AT_REST.has(this.#state)) {
        this.stop();
      } else {
        this.goLive();
      }
    });
    this.form.addEventListener("change", ({ target }) => this.#changed(target));
    this.key.addEventListener("input", () => {
      this.key.removeAttribute("aria-invalid");
      this.#keptShown();
    });
    byId("show-key").addEventListener("click", ({ currentTarget }) => {
      const shown = this.key.type === "text";
      this.key.type = shown ? "password" : "text";
      currentTarget.textContent = shown ? "Show" : "Hide";
      currentTarget.setAttribute("aria-label", shown ? "Show the stream key" : "Hide the stream key");
    });
    byId("free-key").addEventListener("click", () => this.#getFreeKey());
    byId("forget-free-key").addEventListener("click", () => this.#forgetFreeKey());
    addEventListener("online", () => this.#notice.hurry());
    for (const event of ["pointerdown", "keydown"]) {
      this.form.addEventListener(event, () => {
        this.#touched = true;
      });
    }
    this.previewButton.addEventListener("click", () => this.#togglePreview());
    this.mute.addEventListener("click", () => this.#toggleMicrophone());
    this.#sourceChanged();
    this.#restoreFreeKey();
    this.#to("idle");
    /** Resolves when the first source is chosen: until then the page is not ready for a person or a program. */
    this.ready = this.#firstSource();
  }

  /** `idle`, `opening`, `connecting`, `live`, `reconnecting`, `waiting`, `refused` or `ended`. */
  get state() {
    return this.#state;
  }

  get streamId() {
    return this.#streamId;
  }

  /** Publish with the key in the field. */
  async goLive({ force = false } = {}) {
    const problem = notAKey(this.key.value);
    this.#notice.clear();
    if (problem) {
      this.#notAKey(problem);
      return;
    }
    const key = pasted(this.key.value).value;
    this.key.value = key;
    const attempt = new AbortController();
    this.#attempt = attempt;
    try {
      if (!this.#source) {
        this.#to("opening");
        await this.#openSource();
      }
      if (attempt.signal.aborted) {
        return;
      }
      this.#to(this.#liveSince ? "reconnecting" : "connecting");
      const session = await publish({
        endpoint: api.WHIP,
        key,
        stream: this.#source.stream,
        codec: this.codec.value,
        kbps: Number(this.bitrate.value),
        force,
        signal: attempt.signal,
      });
      if (attempt.signal.aborted) {
        session.end();
        return;
      }
      this.#published(session);
    } catch (error) {
      if (!attempt.signal.aborted) {
        this.#attempt = null;
        // "Override" was said of this key, and holds for it until it is answered.
        this.#failed(error, { retry: () => this.goLive({ force: force && pasted(this.key.value).value === key }) });
      }
    }
  }

  /** What is in the field is no key: nothing is sent anywhere, above all not a secret of another kind. */
  #notAKey(problem) {
    this.#liveSince = 0;
    this.#to("idle");
    const empty = problem.code === "NO_KEY";
    markInvalid(this.key, !empty);
    const free = { label: "Go live with a free key", run: () => this.#goFree() };
    const correct = { label: empty ? "Enter a key" : "Correct it", run: () => this.#askForKey({ keep: true }) };
    this.#notice.show(problem, empty ? [free, correct] : [correct, free]);
  }

  /** End what is running; the way back to rest. */
  stop(state = "idle", text = null) {
    this.#attempt?.abort();
    this.#attempt = null;
    const session = this.#session;
    this.#session = null;
    session?.end();
    this.#liveSince = 0;
    this.#stopPolls();
    this.#closeSource();
    this.#notice.clear();
    this.#backoff.reset();
    this.#to(state, text);
  }

  /** The camera where there is one; the test pattern where there is none, or where the person was faster. */
  async #firstSource() {
    const has = await sources.available();
    byId("source-screen").closest("label").hidden = !has.screen;
    if (has.camera && !this.#touched && AT_REST.has(this.#state) && !this.#source) {
      byId("source-camera").checked = true;
      this.#sourceChanged();
    }
  }

  async #openSource() {
    const kind = this.form.elements.source.value;
    const source = await sources.open(kind, {
      resolution: this.resolution.value,
      cameraId: byId("camera").value,
      microphoneId: byId("microphone").value,
    });
    this.#closeSource();
    this.#source = source;
    this.preview.srcObject = source.stream;
    this.stage.classList.toggle("mirrored", kind === "camera");
    this.stage.classList.add("has-picture");
    this.preview.play().catch(() => {});
    const [video] = source.stream.getVideoTracks();
    // The browser's own "stop sharing" bar, or a camera that was unplugged.
    video?.addEventListener("ended", () => {
      if (this.#source === source) {
        this.stop("ended", "The source ended, so publishing stopped.");
      }
    });
    this.#microphoneShown();
    if (kind === "camera") {
      await this.#listDevices();
    }
    return source;
  }

  #closeSource() {
    this.#source?.stop();
    this.#source = null;
    this.preview.srcObject = null;
    this.stage.classList.remove("has-picture", "mirrored");
    this.#microphoneShown();
  }

  async #togglePreview() {
    this.#notice.clear();
    if (this.#source) {
      this.#closeSource();
      this.#to("idle");
      return;
    }
    try {
      this.#to("opening");
      await this.#openSource();
      this.#to("idle");
    } catch (error) {
      this.#failed(error);
    }
  }

  async #listDevices() {
    const { cameras, microphones } = await sources.listDevices();
    for (const [select, found] of [[byId("camera"), cameras], [byId("microphone"), microphones]]) {
      const chosen = select.value;
      const kept = [...select.options].filter(({ value }) => value === "" || value === "none");
      select.replaceChildren(...kept, ...found.map(({ label, deviceId }) => new Option(label, deviceId)));
      select.value = [...select.options].some(({ value }) => value === chosen) ? chosen : "";
    }
  }

  /** A setting changed: bitrate and source take effect at once, also while live. */
  async #changed(target) {
    if (target === this.resolution) {
      this.bitrate.value = SUGGESTED_KBPS[this.resolution.value];
    }
    if (target.name === "source") {
      this.#sourceChanged();
    }
    const reopens = ["source", "resolution", "camera", "microphone"].includes(target.name);
    if (reopens && this.#source) {
      try {
        const { stream } = await this.#openSource();
        if (this.#session) {
          await replaceTracks(this.#session, stream);
        }
      } catch (error) {
        this.#failed(error, { running: Boolean(this.#session) });
      }
    }
    if (this.#session && (target === this.bitrate || target === this.resolution)) {
      await setBitrate(this.#session, Number(this.bitrate.value));
    }
  }

  #sourceChanged() {
    byId("camera-settings").hidden = this.form.elements.source.value !== "camera";
  }

  #microphoneShown() {
    const [track] = this.#source?.stream.getAudioTracks() ?? [];
    this.mute.hidden = !track;
    this.mute.textContent = track?.enabled === false ? "Unmute sound" : "Mute sound";
  }

  #toggleMicrophone() {
    for (const track of this.#source?.stream.getAudioTracks() ?? []) {
      track.enabled = !track.enabled;
    }
    this.#microphoneShown();
  }

  #restoreFreeKey() {
    const kept = keptKey();
    if (kept) {
      this.key.value = kept.key;
      this.#showLinks(kept.streamId, null);
    }
    this.#keptShown();
  }

  /** Say beside the field what becomes of the free key in it. */
  #keptShown({ unkept = false } = {}) {
    const kept = isKept(this.key.value);
    byId("kept-hint").hidden = !kept && !unkept;
    byId("kept-text").textContent = kept
      ? "This free key is kept on this device, so that its watch link outlives a reload."
      : "This browser keeps nothing: a reload loses this key and its watch link.";
    byId("forget-free-key").hidden = !kept;
  }

  #forgetFreeKey() {
    forget();
    this.key.value = "";
    this.#streamId = null;
    byId("share").hidden = true;
    this.#notice.clear();
    this.#keptShown();
    say(this.status, "The free key was forgotten. Its watch link leads nowhere now.");
    this.key.focus();
  }

  /** Put a free key into the field; whether one is there now. */
  async #getFreeKey({ retry = () => this.#getFreeKey(), ...asked } = {}) {
    this.#notice.clear();
    const button = byId("free-key");
    button.disabled = true;
    try {
      const current = pasted(this.key.value).value;
      const taken = await takeFreeKey({ current, shown: this.#streamId, ...asked });
      if (!taken) {
        say(this.status, "Nothing was changed.");
        return false;
      }
      this.key.value = taken.key;
      this.key.removeAttribute("aria-invalid");
      this.#showLinks(taken.streamId, null);
      this.#keptShown({ unkept: !taken.kept });
      say(this.status, "A free key is in the field. Share the watch link, then go live.");
      return true;
    } catch (error) {
      this.#failed(error, { retry, auto: asked.expected ?? false });
      return false;
    } finally {
      button.disabled = !AT_REST.has(this.#state);
    }
  }

  async #goFree({ lapsed = false } = {}) {
    const before = this.key.value;
    // By itself it goes on with the free servers only while nobody has typed another key meanwhile.
    const again = () => (this.key.value === before ? this.#goFree({ lapsed }) : this.goLive());
    if (await this.#getFreeKey({ retry: again, expected: true, lapsed })) {
      await this.goLive();
    }
  }

  #published(session) {
    this.#session = session;
    this.#attempt = null;
    session.addEventListener("end", () => {
      if (this.#session === session) {
        this.#session = null;
        this.#stopPolls();
        this.#lost();
      }
    });
    session.addEventListener("state", ({ detail }) => {
      if (this.#session === session && detail === "connected") {
        this.#liveSince ||= Date.now();
        this.#backoff.reset();
        this.#to("live");
      } else if (this.#session === session && detail === "disconnected") {
        this.#to("reconnecting");
      }
    });
    const whep = playbackUrl(session);
    const id = whep && streamIdIn(whep);
    if (id) {
      this.#showLinks(id, whep);
    }
    const meter = new Meter(session.pc);
    const pulse = new Meter(session.pc);
    const liveness = new Liveness(performance.now());
    this.#stopPolls();
    this.#polls = [
      every(PULSE_MS, async () => this.#judge(session, liveness, await pulse.read()), { hidden: true }),
      every(1000, async () => this.#showStats(await meter.read())),
      every(3000, () => this.#showViewers()),
    ];
    if (session.pc.connectionState === "connected") {
      session.dispatchEvent(new CustomEvent("state", { detail: "connected" }));
    }
  }

  /** Live, or not reaching the server any more: by what comes back, since the browser says so late or never. */
  #judge(session, liveness, reading) {
    if (!reading || this.#session !== session || !this.#liveSince) {
      return;
    }
    const silent = liveness.silent(reading.arrived, performance.now());
    if (silent >= GIVE_UP_MS) {
      session.end("lost");
    } else if (isGone(silent, navigator.onLine)) {
      this.#to("reconnecting");
    } else if (this.#state === "reconnecting" && session.pc.connectionState === "connected") {
      this.#to("live");
    }
  }

  /** The connection is gone: ask again at once. A takeover, a quota or a dead network each answers for itself. */
  #lost() {
    this.#to("reconnecting");
    const attempt = new AbortController();
    this.#attempt = attempt;
    setTimeout(() => {
      if (!attempt.signal.aborted) {
        this.goLive();
      }
    }, REJOIN_MS);
  }

  #failed(error, { running = false, auto = true, retry = () => this.goLive() } = {}) {
    if (error instanceof sources.SourceError) {
      this.#refused("The source is not available.", running);
      this.#notice.show({ code: "SOURCE", title: "The source is not available", text: error.message }, [
        { label: "Try again", run: running ? () => {} : retry },
        { label: "Use the test pattern", run: () => this.#usePattern() },
      ]);
      return;
    }
    if (!(error instanceof Refusal)) {
      console.error(error);
      this.#refused("The browser could not publish.", running);
      this.#notice.show(
        {
          code: `BROWSER: ${error.message}`,
          title: "The browser could not publish",
          text: "Something in this browser failed. Reload the page; if it fails again, choose another codec or use another browser.",
        },
        [{ label: "Try again", run: retry }],
      );
      return;
    }
    const told = explain(error, "publish", { wasLive: this.#liveSince > 0, kept: isKept(this.key.value) });
    if (error.code === "INVALID_KEY") {
      this.key.setAttribute("aria-invalid", "true");
    }
    const lapsed = error.code === "INVALID_KEY";
    const effects = {
      anonymous: { label: lapsed ? "Go live with a new free key" : "Retry with free servers", run: () => this.#goFree({ lapsed }) },
      forget: { label: "Forget it", run: () => this.#forgetFreeKey() },
      override: { label: "Override", run: () => this.goLive({ force: true }), wait: told.wait },
      "another-key": { label: "Use a different key", run: () => this.#askForKey() },
      "edit-key": { label: "Edit the key", run: () => this.#askForKey({ keep: true }) },
      codec: { label: "Choose another codec", run: () => this.codec.focus() },
      retry: { label: "Try again", run: retry, wait: told.wait },
      dismiss: { label: "Not now", run: () => this.start.focus() },
      stop: { label: "Stop trying", run: () => this.stop() },
    };
    const again = told.auto && auto;
    if (!again) {
      this.#refused(`${told.title}.`, running);
    } else if (this.#liveSince) {
      this.#to("reconnecting");
    } else {
      this.#to("waiting", `${told.title}. Waiting to try again…`);
    }
    const names = told.actions.filter((name) => again || name !== "stop");
    this.#notice.show(told, names.map((name) => effects[name]).filter(Boolean), {
      auto: again ? Math.ceil(this.#backoff.next(told.retryAfter ?? 0)) : null,
      onAuto: retry,
      focus: !again || !this.#liveSince,
    });
  }

  /** Nothing goes on by itself; *running* is what goes on all the same. */
  #refused(text, running) {
    if (!running) {
      this.#liveSince = 0;
      this.#to("refused", text);
    }
  }

  #askForKey({ keep = false } = {}) {
    if (!keep) {
      this.key.value = "";
    }
    this.key.focus();
    this.key.select();
  }

  #usePattern() {
    this.form.elements.source.value = "pattern";
    this.#changed(byId("source-pattern"));
    this.start.focus();
  }

  #showLinks(streamId, whep) {
    this.#streamId = streamId;
    byId("share").hidden = false;
    byId("watch-link").value = api.watchLink(streamId);
    byId("open-watch").href = `/watch/${streamId}`;
    byId("whep-url").value = whep ?? new URL(api.whep(streamId), location.origin).href;
  }

  #showStats(reading) {
    if (!reading || !this.#session || this.#state !== "live") {
      return;
    }
    const list = byId("publish-stats");
    list.dataset.frames = reading.frames;
    say(byId("live-clock"), this.#liveSince ? clock((Date.now() - this.#liveSince) / 1000) : "");
    describe(list, [
      ["Sending", kbps(reading.kbps)],
      ["Picture", reading.width ? `${reading.width}×${reading.height}` : "–"],
      ["Frames", reading.fps === null ? "–" : `${Math.round(reading.fps)}/s`],
      ["Codec", reading.codec || "–"],
      ["Loss", `${reading.lossPercent.toFixed(1)} %`],
      ["Round trip", reading.rtt === null ? "–" : `${Math.round(reading.rtt)} ms`],
    ]);
    const why = { cpu: "This computer is at its limit: quality is reduced.", bandwidth: "The network is at its limit: quality is reduced." };
    // Every browser begins low and ramps up; that is no news.
    const wanted = 0.6 * Number(this.bitrate.value);
    const reduced = Date.now() - this.#liveSince > 10_000 && (reading.kbps < wanted || reading.limitation === "cpu");
    say(byId("limitation"), reduced ? (why[reading.limitation] ?? "") : "");
  }

  async #showViewers() {
    if (!this.#streamId) {
      return;
    }
    try {
      const { viewers, limit, problems = [] } = await api.streamState(this.#streamId);
      fillList(byId("publish-problems"), problems.map((problem) => problem.say));
      say(byId("viewer-count"), limit ? `${viewers} of ${count(limit, "viewer")}` : count(viewers, "viewer"));
    } catch {
      // The count is a courtesy; the stream goes on without it.
    }
  }

  #stopPolls() {
    for (const poll of this.#polls) {
      poll.stop();
    }
    this.#polls = [];
    say(byId("viewer-count"), "");
    fillList(byId("publish-problems"), []);
    say(byId("live-clock"), "");
    say(byId("limitation"), "");
    byId("publish-stats").replaceChildren();
  }

  #to(state, text = null) {
    this.#state = state;
    this.stage.dataset.state = AT_REST.has(state) || state === "waiting" ? "idle" : state;
    const said = {
      idle: this.#source ? "Preview only. You are not live." : "You are not live.",
      opening: "Waiting for the source…",
      connecting: "Connecting…",
      live: "You are live.",
      reconnecting: navigator.onLine
        ? "The connection was lost. Reconnecting…"
        : "You are offline. Reconnecting when your network is back…",
    };
    say(this.status, text ?? said[state]);
    const busy = !AT_REST.has(state);
    this.start.textContent = busy ? (state === "live" || state === "reconnecting" ? "Stop publishing" : "Cancel") : "Go live";
    this.start.classList.toggle("danger", busy);
    this.start.classList.toggle("primary", !busy);
    this.key.readOnly = busy && state !== "waiting";
    for (const id of ["free-key", "forget-free-key"]) {
      byId(id).disabled = busy;
    }
    this.codec.disabled = busy;
    this.previewButton.hidden = busy;
    this.previewButton.textContent = this.#source ? "Close preview" : "Preview";
    byId("live-badge").textContent = { live: "Live", reconnecting: "Reconnecting" }[state] ?? (busy ? "…" : "Off");
    document.documentElement.classList.toggle("publishing", state === "live" || state === "reconnecting");
    document.documentElement.classList.toggle("busy", busy);
    if (state === "reconnecting") {
      // What was measured before says nothing of now.
      byId("publish-stats").replaceChildren();
      say(byId("limitation"), "");
    }
    this.#onState();
  }
}
