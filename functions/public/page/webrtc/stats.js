// What a peer connection does now, in the few numbers that a person reads.

/**
 * Counters that only grow, for the whole connection.
 * @typedef {{bytes: number, packets: number, lost: number, frames: number, audioBytes: number, arrived: number}} Counters
 */

/**
 * What the connection shows at the moment; null where the browser does not say.
 * @typedef {{width: number, height: number, codec: string, limitation: string, rtt: number | null, jitterMs: number | null, audioEnergy: number, audioLevel: number | null}} Shown
 */

/**
 * One reading; rates are those since the reading before, null in the first one. Round trip and jitter buffer in milliseconds.
 * @typedef {Shown & Counters & {kbps: number | null, fps: number | null, lossPercent: number}} Reading
 */

/**
 * Counters and state in one answer of `getStats`. Pure.
 * @param {Map<string, any> | RTCStatsReport} reports
 * @returns {Counters & Shown}
 */
export function summary(reports) {
  /** @type {Counters & Shown} */
  const sum = {
    ...{ bytes: 0, packets: 0, lost: 0, frames: 0, audioBytes: 0, arrived: 0 },
    ...{ width: 0, height: 0, codec: "", limitation: "", rtt: null, jitterMs: null, audioEnergy: 0, audioLevel: null },
  };
  reports.forEach((report) => {
    if (report.type === "inbound-rtp" || report.type === "outbound-rtp") {
      addTrack(sum, report, reports.get(report.codecId)?.mimeType);
    } else if (report.type === "remote-inbound-rtp") {
      sum.lost += Math.max(0, report.packetsLost ?? 0);
    } else if (report.type === "candidate-pair" && report.nominated) {
      // Reports, feedback and media count in the one, answers to our checks in the other.
      sum.arrived += (report.bytesReceived ?? 0) + (report.responsesReceived ?? 0);
      sum.rtt = report.currentRoundTripTime === undefined ? sum.rtt : 1000 * report.currentRoundTripTime;
    }
  });
  return sum;
}

/**
 * @param {Counters & Shown} sum
 * @param {any} report
 * @param {string | undefined} mimeType
 */
function addTrack(sum, report, mimeType) {
  const inbound = report.type === "inbound-rtp";
  const bytes = (inbound ? report.bytesReceived : report.bytesSent) ?? 0;
  sum.bytes += bytes;
  sum.packets += (inbound ? report.packetsReceived : report.packetsSent) ?? 0;
  sum.lost += inbound ? Math.max(0, report.packetsLost ?? 0) : 0;
  if (report.kind === "audio") {
    sum.audioBytes += bytes;
    sum.audioEnergy = report.totalAudioEnergy ?? sum.audioEnergy;
    sum.audioLevel = report.audioLevel ?? sum.audioLevel;
    return;
  }
  sum.frames += (inbound ? report.framesDecoded : report.framesEncoded) ?? 0;
  sum.width = report.frameWidth ?? sum.width;
  sum.height = report.frameHeight ?? sum.height;
  sum.limitation = report.qualityLimitationReason ?? "";
  sum.codec = mimeType?.split("/")[1] ?? sum.codec;
  if (inbound && report.jitterBufferEmittedCount) {
    sum.jitterMs = (1000 * report.jitterBufferDelay) / report.jitterBufferEmittedCount;
  }
}

/**
 * The reading of *now*, *seconds* after *before*. Pure.
 * @param {Counters & Shown} now
 * @param {Counters} before
 * @param {number} seconds
 * @returns {Reading}
 */
export function readingOf(now, before, seconds) {
  const packets = now.packets - before.packets;
  const lost = Math.max(0, now.lost - before.lost);
  return {
    ...now,
    kbps: seconds > 0 ? ((now.bytes - before.bytes) * 8) / 1000 / seconds : null,
    fps: seconds > 0 ? (now.frames - before.frames) / seconds : null,
    lossPercent: packets + lost > 0 ? (100 * lost) / (packets + lost) : 0,
  };
}

/** Reads one connection again and again; rates are those since the reading before. */
export class Meter {
  #pc;
  /** @type {{at: number, counters: Counters} | null} */
  #before = null;

  /** @param {RTCPeerConnection} pc */
  constructor(pc) {
    this.#pc = pc;
  }

  /** The next reading, or null when the connection is gone. */
  async read() {
    if (this.#pc.connectionState === "closed") {
      return null;
    }
    const reports = await this.#pc.getStats();
    const at = performance.now();
    const now = summary(reports);
    const before = this.#before ?? { at, counters: now };
    this.#before = { at, counters: now };
    return readingOf(now, before.counters, (at - before.at) / 1000);
  }
}
