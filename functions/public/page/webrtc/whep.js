// A WHEP client (draft-ietf-wish-whep): receives one audio and one video track.

import { Session, peerConnection } from "./session.js";

/** Without this Chrome decodes Opus to mono, whatever is sent. */
function stereo(sdp) {
  return sdp.replace(/(a=fmtp:\d+ (?:[^\r\n]*;)?)(useinbandfec=1)/g, "$1$2;stereo=1");
}

/** Play *endpoint*: resolves to an open `Session` once the answer is applied; its `stream` fills as tracks arrive. */
export async function play({ endpoint, signal, gatherMs = 0 }) {
  const pc = peerConnection();
  const session = new Session(pc);
  session.stream = new MediaStream();
  pc.addEventListener("track", ({ track }) => session.stream.addTrack(track));
  // Sound first: it is decoded everywhere, and under max-bundle the first section cannot be refused.
  pc.addTransceiver("audio", { direction: "recvonly" });
  pc.addTransceiver("video", { direction: "recvonly" });
  return session.open(endpoint, { signal, gatherMs, mungeOffer: stereo });
}
