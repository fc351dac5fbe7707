// Video codecs: which of them this browser encodes, and how one is preferred in an offer.

/** @type {Record<string, string>} */
const NAMES = { "video/h264": "H264", "video/vp8": "VP8", "video/vp9": "VP9", "video/av1": "AV1", "video/h265": "H265" };

/** @param {{mimeType: string}} codec */
const nameOf = ({ mimeType }) => NAMES[mimeType.toLowerCase()];

const capabilities = () => globalThis.RTCRtpSender?.getCapabilities?.("video")?.codecs ?? [];

/**
 * The names of the codecs that this browser can publish, in the order in which it would offer them.
 * @param {{mimeType: string}[]} codecs what the browser says of itself
 */
export function encodable(codecs = capabilities()) {
  return [...new Set(codecs.map(nameOf))].filter(Boolean);
}

/**
 * Put *codec* first in what *transceiver* offers; the others stay behind it as a fallback. `auto` changes nothing.
 * @param {Pick<RTCRtpTransceiver, "setCodecPreferences">} transceiver
 * @param {string} codec a name of `encodable`, or `auto`
 * @param {RTCRtpCodec[]} codecs what the browser says of itself
 */
export function prefer(transceiver, codec, codecs = capabilities()) {
  if (codec === "auto" || !transceiver.setCodecPreferences) {
    return;
  }
  const first = codecs.filter((one) => nameOf(one) === codec);
  if (first.length > 0) {
    transceiver.setCodecPreferences([...first, ...codecs.filter((one) => !first.includes(one))]);
  }
}
