// Which codecs are offered, and in which order.

import assert from "node:assert/strict";
import { test } from "node:test";

import { encodable, prefer } from "../../../../../functions/public/page/webrtc/codecs.js";

const CODECS = ["video/VP8", "video/rtx", "video/H264", "video/H264", "video/AV1"].map((mimeType, i) => ({
  mimeType,
  clockRate: 90000,
  sdpFmtpLine: String(i),
}));

/** @param {string} codec */
function offered(codec) {
  /** @type {string[] | null} */
  let order = null;
  /** @param {RTCRtpCodec[]} codecs */
  const setCodecPreferences = (codecs) => {
    order = codecs.map((one) => `${one.mimeType} ${one.sdpFmtpLine}`);
  };
  prefer({ setCodecPreferences }, codec, CODECS);
  return order;
}

test("a codec is named once, and what repairs or protects is no codec", () => {
  assert.deepEqual(encodable(CODECS), ["VP8", "H264", "AV1"]);
});

test("a browser without WebRTC publishes nothing", () => {
  assert.deepEqual(encodable(), []);
});

test("all kinds of the chosen codec come first, the others stay as a fallback", () => {
  assert.deepEqual(offered("H264"), ["video/H264 2", "video/H264 3", "video/VP8 0", "video/rtx 1", "video/AV1 4"]);
});

test("nothing is changed for `auto` and for a codec that is not there", () => {
  assert.equal(offered("auto"), null);
  assert.equal(offered("VP9"), null);
});
