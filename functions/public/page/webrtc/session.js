// One WHIP or WHEP session over HTTP: post an offer, apply the answer, end it.
//
// What holds: a refusal is a `Refusal` with the server's code; a session is ended once, also when the page goes away.
// Left out: trickle and ICE restart. The server is ICE-lite and needs no candidate of ours (RFC 9725, section 4.3.2).

const ANSWER_TIMEOUT_MS = 15_000;

/** A refusal of the API or of a node, or the network's failure to reach one (code `UNREACHABLE`). */
export class Refusal extends Error {
  constructor({ status = 0, code, error, fields = {}, retryAfter = null }) {
    super(error);
    this.name = "Refusal";
    this.status = status;
    this.code = code;
    this.fields = fields;
    this.retryAfter = retryAfter;
  }

  /** The refusal that *response* carries; a body that is not ours (a proxy's page) still becomes a clear sentence. */
  static async of(response) {
    let body = {};
    try {
      body = await response.json();
    } catch {
      // Not JSON: the status is all there is to say.
    }
    const { error = `The server answered ${response.status}.`, code = "UNEXPECTED", ...fields } = body ?? {};
    const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
    return new Refusal({
      status: response.status,
      code: String(code),
      error: String(error),
      fields,
      retryAfter: Number.isFinite(seconds) ? seconds : null,
    });
  }
}

/** fetch, with every failure but an abort by *signal* told as a `Refusal`. */
export async function request(url, { signal, timeout = ANSWER_TIMEOUT_MS, ...options } = {}) {
  // AbortSignal.any() would say this in a line; phones of 2023 do not have it.
  const either = new AbortController();
  const abort = () => either.abort();
  const timer = setTimeout(abort, timeout);
  signal?.addEventListener("abort", abort);
  // Made outside of the `try`: a header that cannot be sent is our fault, not the network's.
  const headers = new Headers(options.headers);
  let response;
  try {
    response = await fetch(url, { ...options, headers, signal: either.signal, credentials: "omit", referrerPolicy: "no-referrer" });
  } catch (cause) {
    if (signal?.aborted) {
      throw cause;
    }
    throw new Refusal({ code: "UNREACHABLE", error: "The server could not be reached." });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
  if (!response.ok) {
    throw await Refusal.of(response);
  }
  return response;
}

/** Resolves when *pc* has its candidates, after *ms* at the latest. */
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
    throw new Refusal({ code: "NO_WEBRTC", error: String(cause.message) });
  }
}

/** A negotiated peer connection and the URL under which the server knows it. */
export class Session extends EventTarget {
  #url = null;
  #ended = false;
  #lost = null;

  /** *pc* has its transceivers; nothing is sent before `open`. */
  constructor(pc) {
    super();
    this.pc = pc;
    this.headers = new Headers();
  }

  /**
   * Post the offer to *endpoint* and apply the answer. A 307 is followed by fetch, which drops Authorization on the
   * way to another origin; the grant in the new URL takes its place.
   */
  async open(endpoint, { headers = {}, signal, gatherMs = 0, mungeOffer = (sdp) => sdp, mungeAnswer = (sdp) => sdp } = {}) {
    const { pc } = this;
    try {
      const offer = await pc.createOffer();
      await pc.setLocalDescription({ type: "offer", sdp: mungeOffer(offer.sdp) });
      await gathered(pc, gatherMs);
      const response = await request(endpoint, {
        method: "POST",
        headers: { "Content-Type": "application/sdp", ...headers },
        body: pc.localDescription.sdp,
        signal,
      });
      const location = response.headers.get("Location");
      this.#url = location && new URL(location, response.url).href;
      this.headers = response.headers;
      addEventListener("pagehide", this.#leave);
      await pc.setRemoteDescription({ type: "answer", sdp: mungeAnswer(await response.text()) });
      this.#watch();
    } catch (error) {
      this.end("failed");
      throw error;
    }
    return this;
  }

  get ended() {
    return this.#ended;
  }

  /** How far the server sees the session, and what its stream carries; `{}` where it does not say. */
  async state() {
    try {
      return await (await fetch(this.#url, { headers: { Accept: "application/json" }, credentials: "omit" })).json();
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
    clearTimeout(this.#lost);
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
      clearTimeout(this.#lost);
      if (pc.connectionState === "failed") {
        over();
      } else if (pc.connectionState === "disconnected") {
        this.#lost = setTimeout(over, 6_000);
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
