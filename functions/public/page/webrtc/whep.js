// A WHEP client (draft-ietf-wish-whep): receives one audio and one video track.

import { receivingStereo } from "./sdp.js";
import { Session, peerConnection } from "./session.js";

/**
 * Play *endpoint*: resolves to an open `Session` once the answer is applied; its `stream` fills as tracks arrive.
 * @param {{endpoint: string, signal?: AbortSignal, gatherMs?: number}} options *gatherMs*: how long candidates are waited for
 */
export async function play({ endpoint, signal, gatherMs = 0 }) {
  const pc = peerConnection();
  const session = new Session(pc);
  pc.addEventListener("track", ({ track }) => session.stream.addTrack(track));
  // Sound first: it is decoded everywhere, and under max-bundle the first section cannot be refused.
  pc.addTransceiver("audio", { direction: "recvonly" });
  pc.addTransceiver("video", { direction: "recvonly" });
  return session.open(endpoint, { signal, gatherMs, changeOffer: receivingStereo });
}
