// The publish view: a source, a key, and what becomes of them.
//
// States: idle -> opening (the source) -> connecting -> live -> (reconnecting -> live)* -> idle. A stream key lives in
// its password field and in the Authorization header of one request; it is never put into a URL or into storage.

import * as api from "./api.js";
import { Backoff } from "./backoff.js";
import { encodable } from "./codecs.js";
import { byId, describe, every, make, say } from "./dom.js";
import { clock, count, kbps, streamIdIn } from "./format.js";
import { Notice } from "./notice.js";
import { explain } from "./refusals.js";
import { Refusal } from "./session.js";
import * as sources from "./sources.js";
import { Meter } from "./stats.js";
import { playbackUrl, publish, replaceTracks, setBitrate } from "./whip.js";

/** A server that hands its streams over closes the connection once another one has room: viewers see black meanwhile. */
const REJOIN_MS = 100;
const SUGGESTED_KBPS = { "360p": 800, "720p": 2500, "1080p": 4500 };

export class PublishView {
  #source = null;
  #session = null;
  #attempt = null;
  #streamId = null;
  #anonymousKey = null;
  #liveSince = 0;
  #polls = [];
  #backoff = new Backoff({ first: 1, ceiling: 15 });
  #notice = new Notice(byId("publish-notice"));

  constructor() {
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
      if (this.#attempt || this.#session) {
        this.stop();
      } else {
        this.goLive();
      }
    });
    this.form.addEventListener("change", ({ target }) => this.#changed(target));
    this.key.addEventListener("input", () => this.key.removeAttribute("aria-invalid"));
    byId("show-key").addEventListener("click", ({ currentTarget }) => {
      const shown = this.key.type === "text";
      this.key.type = shown ? "password" : "text";
      currentTarget.textContent = shown ? "Show" : "Hide";
      currentTarget.setAttribute("aria-pressed", String(!shown));
    });
    byId("free-key").addEventListener("click", () => this.#getFreeKey());
    this.previewButton.addEventListener("click", () => this.#togglePreview());
    this.mute.addEventListener("click", () => this.#toggleMicrophone());
    this.#sourceChanged();
    this.#to("idle");
  }

  /** `idle`, `opening`, `connecting`, `live` or `reconnecting`. */
  get state() {
    return this.stage.dataset.state;
  }

  get streamId() {
    return this.#streamId;
  }

  /** Publish with the key in the field. */
  async goLive({ force = false } = {}) {
    const key = this.key.value.trim();
    this.#notice.clear();
    if (!key) {
      this.#notice.show(
        {
          code: "NO_KEY",
          title: "A stream key is needed",
          text: "Paste the key of your account, or publish with a free one: one stream, a few viewers, no account.",
        },
        [
          { label: "Go live with a free key", run: () => this.#goFree() },
          { label: "Enter a key", run: () => this.key.focus() },
        ],
      );
      return;
    }
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
        this.#failed(error, { retry: () => this.goLive({ force: force && this.key.value.trim() === key }) });
      }
    }
  }

  /** End what is running; the way back to idle. */
  stop() {
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
    this.#to("idle");
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
        this.stop();
        say(this.status, "The source ended, so publishing stopped.");
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
    this.mute.setAttribute("aria-pressed", String(track?.enabled === false));
  }

  #toggleMicrophone() {
    for (const track of this.#source?.stream.getAudioTracks() ?? []) {
      track.enabled = !track.enabled;
    }
    this.#microphoneShown();
  }

  async #getFreeKey({ retry = () => this.#getFreeKey() } = {}) {
    this.#notice.clear();
    const button = byId("free-key");
    button.disabled = true;
    try {
      const { stream_key: key, stream_id: streamId } = await api.anonymous();
      this.key.value = key;
      this.key.removeAttribute("aria-invalid");
      this.#anonymousKey = key;
      this.#showLinks(streamId, null);
      say(this.status, "A free key is in the field. Share the watch link, then go live.");
      return true;
    } catch (error) {
      this.#failed(error, { retry });
      return false;
    } finally {
      button.disabled = false;
    }
  }

  async #goFree() {
    const before = this.key.value;
    // By itself it goes on with the free servers only while nobody has typed another key meanwhile.
    const again = () => (this.key.value === before ? this.#goFree() : this.goLive());
    if (await this.#getFreeKey({ retry: again })) {
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
      }
    });
    const whep = playbackUrl(session);
    const id = whep && streamIdIn(whep);
    if (id) {
      this.#showLinks(id, whep);
    }
    const meter = new Meter(session.pc);
    this.#stopPolls();
    this.#polls = [
      every(1000, async () => this.#showStats(await meter.read())),
      every(3000, () => this.#showViewers()),
    ];
    if (session.pc.connectionState === "connected") {
      session.dispatchEvent(new CustomEvent("state", { detail: "connected" }));
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

  #failed(error, { running = false, retry = () => this.goLive() } = {}) {
    if (!running) {
      this.#to("idle");
    }
    if (error instanceof sources.SourceError) {
      this.#notice.show({ code: "SOURCE", title: "The source is not available", text: error.message }, [
        { label: "Try again", run: running ? () => {} : retry },
        { label: "Use the test pattern", run: () => this.#usePattern() },
      ]);
      return;
    }
    if (!(error instanceof Refusal)) {
      console.error(error);
      this.#notice.show({ code: "BROWSER", title: "The browser could not publish", text: String(error.message) }, [
        { label: "Try again", run: retry },
      ]);
      return;
    }
    const told = explain(error, "publish", { wasLive: this.#liveSince > 0 });
    if (error.code === "INVALID_KEY") {
      this.key.setAttribute("aria-invalid", "true");
    }
    const wait = told.retryAfter ?? 0;
    const effects = {
      anonymous: { label: "Retry with free servers", run: () => this.#goFree() },
      override: { label: "Override", run: () => this.goLive({ force: true }), wait },
      "another-key": { label: "Use a different key", run: () => this.#askForKey() },
      "edit-key": { label: "Edit the key", run: () => this.#askForKey({ keep: true }) },
      codec: { label: "Choose another codec", run: () => this.codec.focus() },
      retry: { label: "Try again", run: retry, wait: told.auto ? 0 : wait },
      dismiss: { label: "Not now", run: () => this.start.focus() },
      stop: { label: "Stop trying", run: () => this.stop() },
    };
    const buttons = told.actions.map((name) => effects[name]).filter(Boolean);
    const auto = told.auto ? Math.ceil(this.#backoff.next(wait)) : null;
    this.#notice.show(told, buttons, { auto, onAuto: retry });
    if (!told.auto && this.#liveSince) {
      this.#liveSince = 0;
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
    if (!reading || !this.#session) {
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
      const { viewers, limit } = await api.streamState(this.#streamId);
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
    say(byId("live-clock"), "");
    say(byId("limitation"), "");
    byId("publish-stats").replaceChildren();
  }

  #to(state) {
    this.stage.dataset.state = state;
    const said = {
      idle: this.#source ? "Preview only. You are not live." : "You are not live.",
      opening: "Waiting for the source…",
      connecting: "Connecting…",
      live: "You are live.",
      reconnecting: "The connection was lost. Reconnecting…",
    };
    say(this.status, said[state]);
    const busy = state !== "idle";
    this.start.textContent = { idle: "Go live", live: "Stop publishing" }[state] ?? "Cancel";
    this.start.classList.toggle("danger", busy);
    this.start.classList.toggle("primary", !busy);
    this.key.readOnly = busy;
    byId("free-key").disabled = busy;
    this.codec.disabled = busy;
    this.previewButton.hidden = busy;
    this.previewButton.textContent = this.#source ? "Close preview" : "Preview";
    byId("live-badge").textContent = { live: "Live", idle: "Off" }[state] ?? "…";
    document.documentElement.classList.toggle("publishing", state === "live" || state === "reconnecting");
  }
}
