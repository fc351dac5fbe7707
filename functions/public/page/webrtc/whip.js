// A WHIP client (RFC 9725): publishes the tracks of one MediaStream.

import { prefer } from "./codecs.js";
import { beginningAt, sendingStereo } from "./sdp.js";
import { Session, peerConnection } from "./session.js";

const AUDIO_BPS = 128_000;

/**
 * Publish *stream* to *endpoint*: resolves to an open `Session` once the answer is applied.
 * *key* goes into the Authorization header, never into the URL.
 * @param {{endpoint: string, key: string, stream: MediaStream, codec?: string, kbps: number, force?: boolean, signal?: AbortSignal, gatherMs?: number}} options
 *   *codec*: the one to prefer; *kbps*: of the video; *force*: end whoever publishes with the key now; *gatherMs*: how long
 *   candidates are waited for
 */
export async function publish({ endpoint, key, stream, codec = "auto", kbps, force = false, signal, gatherMs = 0 }) {
  const pc = peerConnection();
  const session = new Session(pc);
  for (const track of stream.getTracks()) {
    const transceiver = pc.addTransceiver(track, {
      direction: "sendonly",
      streams: [stream],
      sendEncodings: [{ maxBitrate: track.kind === "video" ? kbps * 1000 : AUDIO_BPS }],
    });
    if (track.kind === "video") {
      prefer(transceiver, codec);
    }
  }
  const twoChannels = stream.getAudioTracks().some((track) => track.getSettings().channelCount === 2);
  return session.open(force ? `${endpoint}${endpoint.includes("?") ? "&" : "?"}force=1` : endpoint, {
    headers: key ? { Authorization: `Bearer ${key}` } : {},
    signal,
    gatherMs,
    changeOffer: twoChannels ? sendingStereo : undefined,
    changeAnswer: (sdp) => beginningAt(sdp, Math.round(kbps * 0.7)),
  });
}

/**
 * Set the video bitrate of a running publish session.
 * @param {Session} session
 * @param {number} kbps
 */
export async function setBitrate(session, kbps) {
  for (const sender of session.pc.getSenders()) {
    if (sender.track?.kind === "video") {
      const parameters = sender.getParameters();
      for (const encoding of parameters.encodings) {
        encoding.maxBitrate = kbps * 1000;
      }
      await sender.setParameters(parameters);
    }
  }
}

/**
 * Swap what a running session sends for the tracks of *stream*; a kind that *stream* lacks falls silent.
 * @param {Session} session
 * @param {MediaStream} stream
 */
export async function replaceTracks(session, stream) {
  for (const { sender, receiver } of session.pc.getTransceivers()) {
    const track = stream.getTracks().find(({ kind }) => kind === receiver.track.kind) ?? null;
    await sender.replaceTrack(track);
  }
}

/**
 * The absolute playback URL that the server named in its field `WHEP`, or null.
 * @param {Session} session
 */
export function playbackUrl(session) {
  return session.headers.get("WHEP");
}
