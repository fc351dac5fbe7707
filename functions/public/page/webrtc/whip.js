// A WHIP client (RFC 9725): publishes the tracks of one MediaStream.

import { preferred } from "./codecs.js";
import { Session, peerConnection } from "./session.js";

/** Opus in stereo where the source is: the fmtp of the offer says what we send, the answer's what the server takes. */
function stereo(sdp) {
  return sdp.replace(/(a=fmtp:\d+ (?:[^\r\n]*;)?)(useinbandfec=1)/g, "$1$2;stereo=1;sprop-stereo=1");
}

/**
 * Let the browser begin at *kbps* instead of feeling its way up from 300: congestion control goes on from there. Chrome
 * reads this from the answer's fmtp; others ignore it.
 */
function begunAt(sdp, kbps) {
  const hint = `x-google-start-bitrate=${kbps}`;
  const video = /(m=video [\s\S]*?)(?=\r\nm=|$)/;
  return sdp.replace(video, (section) => {
    const types = [...section.matchAll(/a=rtpmap:(\d+) (?:H264|VP8|VP9|AV1|H265)\/90000/gi)].map(([, type]) => type);
    return types.reduce((text, type) => {
      const fmtp = new RegExp(`(a=fmtp:${type} [^\\r\\n]*)`);
      return fmtp.test(text)
        ? text.replace(fmtp, `$1;${hint}`)
        : text.replace(new RegExp(`(a=rtpmap:${type} [^\\r\\n]*)`), `$1\r\na=fmtp:${type} ${hint}`);
    }, section);
  });
}

/**
 * Publish *stream* to *endpoint*: resolves to an open `Session` once the answer is applied.
 * *key* goes into the Authorization header, never into the URL.
 */
export async function publish({ endpoint, key, stream, codec = "auto", kbps, force = false, signal, gatherMs = 0 }) {
  const pc = peerConnection();
  const session = new Session(pc);
  for (const track of stream.getTracks()) {
    const transceiver = pc.addTransceiver(track, {
      direction: "sendonly",
      streams: [stream],
      sendEncodings: [track.kind === "video" ? { maxBitrate: kbps * 1000 } : { maxBitrate: 128_000 }],
    });
    if (track.kind === "video") {
      preferred(transceiver, codec);
    }
  }
  const twoChannels = stream.getAudioTracks().some((track) => track.getSettings().channelCount === 2);
  return session.open(force ? `${endpoint}${endpoint.includes("?") ? "&" : "?"}force=1` : endpoint, {
    headers: key ? { Authorization: `Bearer ${key}` } : {},
    signal,
    gatherMs,
    mungeOffer: twoChannels ? stereo : undefined,
    mungeAnswer: (sdp) => begunAt(sdp, Math.round(kbps * 0.7)),
  });
}

/** Set the video bitrate of a running publish session. */
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

/** Swap what a running session sends for the tracks of *stream*; a kind that *stream* lacks falls silent. */
export async function replaceTracks(session, stream) {
  for (const { sender, receiver } of session.pc.getTransceivers()) {
    const track = stream.getTracks().find(({ kind }) => kind === receiver.track.kind) ?? null;
    await sender.replaceTrack(track);
  }
}

/** The absolute playback URL that the server named in `WHEP`, or null. */
export function playbackUrl(session) {
  return session.headers.get("WHEP");
}
