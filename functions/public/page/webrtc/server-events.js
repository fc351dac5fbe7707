// The server-sent events of a WHEP session (webrtc-http-egress-events): where to go on watching, and whether the publisher sends.

import { request } from "../http.js";

/** @typedef {import("./session.js").Session} Session */

const EXTENSION = "urn:ietf:params:whep:ext:core:server-sent-events";

/**
 * The address of the events in a 201's Link fields, or null.
 * @param {Headers} headers
 */
export function eventsUrl(headers) {
  for (const [, url, parameters] of (headers.get("Link") ?? "").matchAll(/<([^>]*)>([^,<]*(?:"[^"]*"[^,<]*)*)/g)) {
    if (parameters.includes(`rel="${EXTENSION}"`)) {
      return url;
    }
  }
  return null;
}

/**
 * Call each of *wanted* (event name -> function of its data) when its event comes. A courtesy: failures are silent.
 * @param {Session} session
 * @param {Record<string, (data: any) => void>} wanted
 */
export async function listen(session, wanted) {
  const url = eventsUrl(session.headers);
  if (!url) {
    return;
  }
  try {
    const response = await request(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(Object.keys(wanted)),
    });
    const events = new EventSource(/** @type {string} */ (response.headers.get("Location")));
    const close = () => events.close();
    session.addEventListener("end", close);
    if (session.ended) {
      close();
    }
    // EventSource itself connects again after a network that was away; an answer that is no stream of events ends it.
    for (const [name, run] of Object.entries(wanted)) {
      events.addEventListener(name, ({ data }) => run(JSON.parse(data)));
    }
  } catch {
    // The session goes on without; if its server ends it, the page joins again.
  }
}
