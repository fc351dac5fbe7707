// Numbers as people read them, and the stream ids in what they write.

import { pasted } from "./pasted.js";

/** @type {[string, number][]} */
const UNITS = [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]];

/**
 * A bitrate of *value* kbit/s, in the unit that fits; a dash where there is none.
 * @param {number | null} [value]
 */
export function kbps(value) {
  if (value === null || value === undefined) {
    return "–";
  }
  return value >= 1000 ? `${(value / 1000).toFixed(1)} Mbit/s` : `${Math.round(value)} kbit/s`;
}

/**
 * An amount of data with up to three digits, in powers of ten: 1500000 -> 1.5 MB
 * @param {number} value
 */
export function bytes(value) {
  for (const [unit, size] of UNITS) {
    if (value >= size) {
      const amount = value / size;
      return `${amount >= 100 ? Math.round(amount) : amount.toFixed(1).replace(/\.0$/, "")} ${unit}`;
    }
  }
  return count(value, "byte");
}

/**
 * A duration as a clock shows it: 61 -> 1:01, 3661 -> 1:01:01
 * @param {number} seconds
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  /** @param {number} n */
  const two = (n) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/**
 * A number with its noun in the singular or the plural: 1 viewer, 2 viewers.
 * @param {number} n
 * @param {string} one
 */
export function count(n, one, many = `${one}s`) {
  return `${n} ${n === 1 ? one : many}`;
}

/**
 * The stream id in *text*: an id, a watch link, or a WHEP URL; null where there is none.
 * @param {string} text
 */
export function streamIdIn(text) {
  const { kind, value } = pasted(text);
  return kind === "stream" ? value : null;
}
