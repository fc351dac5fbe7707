// Video codecs: which of them this browser encodes, and how one is preferred in an offer.

const NAMES = { "video/h264": "H264", "video/vp8": "VP8", "video/vp9": "VP9", "video/av1": "AV1", "video/h265": "H265" };

const capabilities = () => globalThis.RTCRtpSender?.getCapabilities?.("video")?.codecs ?? [];

/** The codecs that this browser can publish, in the order in which it would offer them. */
export function encodable() {
  return [...new Set(capabilities().map(({ mimeType }) => NAMES[mimeType.toLowerCase()]))].filter(Boolean);
}

/** Put *codec* first in what *transceiver* offers; the others stay behind it as a fallback. `auto` changes nothing. */
export function preferred(transceiver, codec) {
  if (codec === "auto" || !transceiver.setCodecPreferences) {
    return;
  }
  const all = capabilities();
  const first = all.filter(({ mimeType }) => NAMES[mimeType.toLowerCase()] === codec);
  if (first.length > 0) {
    transceiver.setCodecPreferences([...first, ...all.filter((one) => !first.includes(one))]);
  }
}
