// Requests to the control plane and to nodes. Whatever is refused or cannot be reached is a `Refusal` with a code.

const ANSWER_TIMEOUT_MS = 15_000;

/** A refusal of the API or of a node, or the network's failure to reach one (code `UNREACHABLE`). */
export class Refusal extends Error {
  /**
   * *status* is 0 where nothing answered; *fields* are what the body says besides `error` and `code`; *retryAfter* in seconds.
   * @param {{status?: number, code: string, error: string, fields?: Record<string, any>, retryAfter?: number | null}} said
   */
  constructor({ status = 0, code, error, fields = {}, retryAfter = null }) {
    super(error);
    this.name = "Refusal";
    this.status = status;
    this.code = code;
    this.fields = fields;
    this.retryAfter = retryAfter;
  }

  /**
   * The refusal that *response* carries; a body that is not ours (a proxy's page) still becomes a clear sentence.
   * @param {Response} response
   */
  static async of(response) {
    /** @type {Record<string, any> | null} */
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

/**
 * What a request may say besides fetch's own options: *timeout* in milliseconds.
 * @typedef {Omit<RequestInit, "signal"> & {signal?: AbortSignal, timeout?: number}} RequestOptions
 */

/**
 * Fetch *url*; every failure but an abort by *signal* is thrown as a `Refusal`.
 * @param {string} url
 * @param {RequestOptions} [options]
 */
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
