// The few numbers that a person reads, from a browser's statistics.

import assert from "node:assert/strict";
import { test } from "node:test";

import { readingOf, summary } from "../../../../../functions/public/page/webrtc/stats.js";

/** @param {Record<string, object>} reports */
const of = (reports) => summary(new Map(Object.entries(reports)));

const VIDEO = { type: "inbound-rtp", kind: "video", codecId: "C", bytesReceived: 9000, packetsReceived: 90, packetsLost: 2 };
const PICTURE = { framesDecoded: 30, frameWidth: 1280, frameHeight: 720, jitterBufferDelay: 3, jitterBufferEmittedCount: 60 };

test("a viewer's tracks are added up, and the picture is described", () => {
  const sum = of({
    V: { ...VIDEO, ...PICTURE },
    A: { type: "inbound-rtp", kind: "audio", bytesReceived: 1000, packetsReceived: 10, totalAudioEnergy: 0.5, audioLevel: 0.1 },
    C: { type: "codec", mimeType: "video/VP9" },
    P: { type: "candidate-pair", nominated: true, bytesReceived: 10_500, responsesReceived: 4, currentRoundTripTime: 0.03 },
    Q: { type: "candidate-pair", nominated: false, bytesReceived: 99 },
  });
  assert.deepEqual(
    { bytes: sum.bytes, packets: sum.packets, lost: sum.lost, frames: sum.frames, audioBytes: sum.audioBytes, arrived: sum.arrived },
    { bytes: 10_000, packets: 100, lost: 2, frames: 30, audioBytes: 1000, arrived: 10_504 },
  );
  assert.deepEqual([sum.width, sum.height, sum.codec, sum.rtt, sum.jitterMs], [1280, 720, "VP9", 30, 50]);
  assert.deepEqual([sum.audioEnergy, sum.audioLevel], [0.5, 0.1]);
});

test("what a publisher lost is what the server reports", () => {
  const sum = of({
    V: { type: "outbound-rtp", kind: "video", bytesSent: 500, packetsSent: 5, framesEncoded: 3, qualityLimitationReason: "cpu" },
    R: { type: "remote-inbound-rtp", kind: "video", packetsLost: 7 },
  });
  assert.deepEqual([sum.bytes, sum.packets, sum.frames, sum.lost, sum.limitation], [500, 5, 3, 7, "cpu"]);
});

test("a browser that says nothing shows nothing", () => {
  const sum = of({});
  assert.deepEqual([sum.bytes, sum.rtt, sum.jitterMs, sum.audioLevel, sum.codec], [0, null, null, null, ""]);
});

test("a count of losses that is negative, as duplicates make it, is none", () => {
  assert.equal(of({ V: { ...VIDEO, packetsLost: -3 } }).lost, 0);
});

test("rates are those since the reading before", () => {
  const before = of({ V: { ...VIDEO, framesDecoded: 10 } });
  const now = of({ V: { ...VIDEO, bytesReceived: 259_000, packetsReceived: 189, packetsLost: 3, framesDecoded: 70 } });
  const reading = readingOf(now, before, 2);
  assert.deepEqual([reading.kbps, reading.fps, reading.lossPercent], [1000, 30, 1]);
});

test("the first reading has no rates", () => {
  const now = of({ V: VIDEO });
  const reading = readingOf(now, now, 0);
  assert.deepEqual([reading.kbps, reading.fps, reading.lossPercent], [null, null, 0]);
});
