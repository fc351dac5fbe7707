// What a peer connection does now, in the few numbers that a person reads.

/** Reads one connection again and again; rates are those since the reading before. */
export class Meter {
  #pc;
  #before = null;

  constructor(pc) {
    this.#pc = pc;
  }

  /** The next reading, or null when the connection is gone. */
  async read() {
    if (this.#pc.connectionState === "closed") {
      return null;
    }
    const reports = await this.#pc.getStats();
    const now = { at: performance.now(), bytes: 0, packets: 0, lost: 0, frames: 0, audioBytes: 0 };
    const shown = { width: 0, height: 0, codec: "", limitation: "", rtt: null, jitterMs: null, audioEnergy: 0, audioLevel: null };
    let arrived = 0;
    for (const report of reports.values()) {
      if (report.type === "inbound-rtp" || report.type === "outbound-rtp") {
        const inbound = report.type === "inbound-rtp";
        now.bytes += (inbound ? report.bytesReceived : report.bytesSent) ?? 0;
        now.packets += (inbound ? report.packetsReceived : report.packetsSent) ?? 0;
        now.lost += inbound ? Math.max(0, report.packetsLost ?? 0) : 0;
        if (report.kind === "audio") {
          now.audioBytes += (inbound ? report.bytesReceived : report.bytesSent) ?? 0;
          shown.audioEnergy = report.totalAudioEnergy ?? shown.audioEnergy;
          shown.audioLevel = report.audioLevel ?? shown.audioLevel;
          continue;
        }
        now.frames += (inbound ? report.framesDecoded : report.framesEncoded) ?? 0;
        shown.width = report.frameWidth ?? shown.width;
        shown.height = report.frameHeight ?? shown.height;
        shown.limitation = report.qualityLimitationReason ?? "";
        shown.codec = reports.get(report.codecId)?.mimeType?.split("/")[1] ?? shown.codec;
        if (inbound && report.jitterBufferEmittedCount) {
          shown.jitterMs = (1000 * report.jitterBufferDelay) / report.jitterBufferEmittedCount;
        }
      } else if (report.type === "remote-inbound-rtp") {
        now.lost += Math.max(0, report.packetsLost ?? 0);
      } else if (report.type === "candidate-pair" && report.nominated) {
        // Reports, feedback and media count in the one, answers to our checks in the other.
        arrived += (report.bytesReceived ?? 0) + (report.responsesReceived ?? 0);
        shown.rtt = report.currentRoundTripTime === undefined ? shown.rtt : 1000 * report.currentRoundTripTime;
      }
    }
    const before = this.#before ?? now;
    this.#before = now;
    const seconds = (now.at - before.at) / 1000;
    const packets = now.packets - before.packets;
    const lost = Math.max(0, now.lost - before.lost);
    return {
      ...shown,
      arrived,
      frames: now.frames,
      bytes: now.bytes,
      audioBytes: now.audioBytes,
      kbps: seconds > 0 ? ((now.bytes - before.bytes) * 8) / 1000 / seconds : null,
      fps: seconds > 0 ? (now.frames - before.frames) / seconds : null,
      lossPercent: packets + lost > 0 ? (100 * lost) / (packets + lost) : 0,
    };
  }
}
