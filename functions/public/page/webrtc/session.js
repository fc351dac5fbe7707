// One WHIP or WHEP session over HTTP: post an offer, apply the answer, end it.
//
// What holds: a refusal is a `Refusal` with the server's code; a session is ended once, also when the page goes away.
// Left out: trickle and ICE restart. The server is ICE-lite and needs no candidate of ours (RFC 9725, section 4.3.2).

import { Refusal, request } from "../http.js";

/** A connection that the browser calls `disconnected` for so long is over. */
const DISCONNECTED_MS = 6_000;

/**
 * Resolves when *pc* has its candidates, after *ms* at the latest.
 * @param {RTCPeerConnection} pc
 * @param {number} ms
 * @returns {Promise<void>}
 */
function gathered(pc, ms) {
  if (ms <= 0 || pc.iceGatheringState === "complete") {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    pc.addEventListener("icegatheringstatechange", () => {
      if (pc.iceGatheringState === "complete") {
        clearTimeout(timer);
        resolve();
      }
    });
  });
}

/** A new peer connection; a browser without one (or with one that a setting or an extension forbids) is a `Refusal`. */
export function peerConnection() {
  try {
    return new globalThis.RTCPeerConnection({ bundlePolicy: "max-bundle" });
  } catch (cause) {
    throw new Refusal({ code: "NO_WEBRTC", error: cause instanceof Error ? cause.message : String(cause) });
  }
}

/**
 * A negotiated peer connection and the URL under which the server knows it.
 *
 * It dispatches `state` (detail: the connection's state) and, once, `end` (detail: `ended`, `failed`, `lost` or `pagehide`).
 */
export class Session extends EventTarget {
  /** @type {string | null} */
  #url = null;
  #ended = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #disconnected;

  /**
   * *pc* has its transceivers; nothing is sent before `open`.
   * @param {RTCPeerConnection} pc
   */
  constructor(pc) {
    super();
    this.pc = pc;
    /** What the server's answer said. */
    this.headers = new Headers();
    /** The tracks that a viewer receives; empty for a publisher. */
    this.stream = new MediaStream();
  }

  /**
   * Post the offer to *endpoint* and apply the answer. A 307 is followed by fetch, which drops Authorization on the
   * way to another origin; the grant in the new URL takes its place.
   * @param {string} endpoint
   * @param {{headers?: Record<string, string>, signal?: AbortSignal, gatherMs?: number, changeOffer?: (sdp: string) => string, changeAnswer?: (sdp: string) => string}} [options]
   */
  async open(endpoint, { headers = {}, signal, gatherMs = 0, changeOffer = (sdp) => sdp, changeAnswer = (sdp) => sdp } = {}) {
    const { pc } = this;
    try {
      const offer = await pc.createOffer();
      await pc.setLocalDescription({ type: "offer", sdp: changeOffer(offer.sdp ?? "") });
      await gathered(pc, gatherMs);
      const response = await request(endpoint, {
        method: "POST",
        headers: { "Content-Type": "application/sdp", ...headers },
        body: pc.localDescription?.sdp,
        signal,
      });
      const location = response.headers.get("Location");
      this.#url = location && new URL(location, response.url).href;
      this.headers = response.headers;
      addEventListener("pagehide", this.#leave);
      await pc.setRemoteDescription({ type: "answer", sdp: changeAnswer(await response.text()) });
      this.#watch();
    } catch (error) {
      this.end("failed");
      throw error;
    }
    return this;
  }

  /** Whether the session is over, here at least. */
  get ended() {
    return this.#ended;
  }

  /**
   * How far the server sees the session, and what its stream carries; `{}` where it does not say.
   * @returns {Promise<{carries?: {audio?: string, video?: string}}>}
   */
  async state() {
    try {
      return await (await fetch(this.#url ?? "", { headers: { Accept: "application/json" }, credentials: "omit" })).json();
    } catch {
      return {};
    }
  }

  /** End the session here and at the server; later calls do nothing. */
  end(reason = "ended") {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    clearTimeout(this.#disconnected);
    removeEventListener("pagehide", this.#leave);
    if (this.#url) {
      // keepalive: this may be the page's last act. The server also notices the DTLS close, so a failure is no loss.
      fetch(this.#url, { method: "DELETE", keepalive: true, credentials: "omit" }).catch(() => {});
    }
    this.pc.close();
    this.dispatchEvent(new CustomEvent("end", { detail: reason }));
  }

  #leave = () => this.end("pagehide");

  /** The connection is over when DTLS is closed by the other side, ICE failed, or nothing came back for 6 s. */
  #watch() {
    const { pc } = this;
    const over = () => this.end("lost");
    pc.addEventListener("connectionstatechange", () => {
      this.dispatchEvent(new CustomEvent("state", { detail: pc.connectionState }));
      clearTimeout(this.#disconnected);
      if (pc.connectionState === "failed") {
        over();
      } else if (pc.connectionState === "disconnected") {
        this.#disconnected = setTimeout(over, DISCONNECTED_MS);
      }
    });
    for (const { sender, receiver } of pc.getTransceivers()) {
      const transport = sender.transport ?? receiver.transport;
      transport?.addEventListener("statechange", () => {
        if (transport.state === "closed" || transport.state === "failed") {
          over();
        }
      });
    }
  }
}
