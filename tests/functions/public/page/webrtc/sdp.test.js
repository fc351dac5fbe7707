// What is changed in offers and answers.

import assert from "node:assert/strict";
import { test } from "node:test";

import { beginningAt, receivingStereo, sendingStereo } from "../../../../../functions/public/page/webrtc/sdp.js";

const OPUS = "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n";
const ANSWER = [
  "v=0",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=rtpmap:111 opus/48000/2",
  "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102",
  "a=rtpmap:96 VP8/90000",
  "a=rtpmap:97 rtx/90000",
  "a=rtpmap:102 H264/90000",
  "a=fmtp:102 packetization-mode=1",
  "",
].join("\r\n");

test("stereo is asked for, and said to be sent", () => {
  assert.match(receivingStereo(OPUS), /a=fmtp:111 minptime=10;useinbandfec=1;stereo=1\r\n/);
  assert.match(sendingStereo(OPUS), /a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1\r\n/);
});

test("an offer without Opus stays as it is", () => {
  assert.equal(receivingStereo("v=0\r\n"), "v=0\r\n");
});

test("the bitrate to begin with is told for each codec of the picture, and for nothing else", () => {
  const lines = beginningAt(ANSWER, 1750).split("\r\n");
  assert.deepEqual(
    lines.filter((line) => line.includes("start-bitrate")),
    ["a=fmtp:96 x-google-start-bitrate=1750", "a=fmtp:102 packetization-mode=1;x-google-start-bitrate=1750"],
  );
  assert.equal(lines[lines.indexOf("a=rtpmap:96 VP8/90000") + 1], "a=fmtp:96 x-google-start-bitrate=1750");
  assert.equal(lines.length, ANSWER.split("\r\n").length + 1);
});
