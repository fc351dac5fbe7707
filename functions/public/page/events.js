// The server-sent events of a WHEP session (webrtc-http-egress-events): here those that say where to go on watching.

import { request } from "./session.js";

const EXTENSION = "urn:ietf:params:whep:ext:core:server-sent-events";

/** The events' address in a 201's Link fields, or null. */
export function eventsUrl(headers) {
  for (const [, url, parameters] of (headers.get("Link") ?? "").matchAll(/<([^>]*)>([^,<]*(?:"[^"]*"[^,<]*)*)/g)) {
    if (parameters.includes(`rel="${EXTENSION}"`)) {
      return url;
    }
  }
  return null;
}

/** Call *moved* once, with the new address, when the session's server sends its viewers away. A courtesy: failures are silent. */
export async function listen(session, moved) {
  const url = eventsUrl(session.headers);
  if (!url) {
    return;
  }
  try {
    const response = await request(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(["reconnect"]),
    });
    const events = new EventSource(response.headers.get("Location"));
    const close = () => events.close();
    session.addEventListener("end", close);
    if (session.ended) {
      close();
    }
    events.addEventListener("error", close);
    events.addEventListener("reconnect", ({ data }) => {
      close();
      moved(JSON.parse(data).url);
    });
  } catch {
    // The session goes on without; if its server ends it, the page joins again.
  }
}
