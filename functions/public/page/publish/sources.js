// What can be published: the camera, the screen, or a test pattern that is drawn and sounded here.
//
// Each source is `{stream, stop}`; `stop` gives devices and timers back. A person's "no" is a `SourceError`.

import { canMakePattern, testPattern } from "./test-pattern.js";

/** @typedef {{stream: MediaStream, stop: () => void}} Source */
/** @typedef {{resolution: string, cameraId: string, microphoneId: string}} SourceOptions device ids; "" for the default */

/** @type {Record<string, [width: number, height: number]>} */
const SIZES = { "360p": [640, 360], "720p": [1280, 720], "1080p": [1920, 1080] };
const FPS = 30;

/** Why a source cannot be had, in words for the person who asked for it. */
export class SourceError extends Error {}

/** @type {Record<string, string>} by the name of the DOMException */
const EXPLAINED = {
  NotAllowedError: "The browser did not allow it. Allow the camera and microphone for this page, then try again.",
  NotFoundError: "No such device was found. Connect a camera or microphone, or publish the test pattern.",
  NotReadableError: "Another program is using the device. Close it there, then try again.",
  OverconstrainedError: "The device cannot deliver this resolution. Choose a smaller one.",
  AbortError: "The device stopped while it was being opened. Try again.",
};

/**
 * The error that a person is shown for what the browser threw.
 * @param {unknown} error
 */
export function explained(error) {
  const name = error instanceof Error ? error.name : String(error);
  return new SourceError(EXPLAINED[name] ?? `The source could not be opened (${name}).`);
}

function devices() {
  if (!navigator.mediaDevices) {
    throw new SourceError(
      "Browsers hand out camera, microphone and screen only on https pages and on localhost. The test pattern works here.",
    );
  }
  return navigator.mediaDevices;
}

/**
 * @param {MediaStream} stream
 * @param {() => void} [end]
 * @returns {Source}
 */
const source = (stream, end = () => {}) => ({
  stream,
  stop() {
    for (const track of stream.getTracks()) {
      track.stop();
    }
    end();
  },
});

/** @param {SourceOptions} options */
async function camera({ resolution, cameraId, microphoneId }) {
  const [width, height] = SIZES[resolution];
  /** @param {string} id */
  const exact = (id) => (id ? { deviceId: { exact: id } } : {});
  const media = devices();
  try {
    const stream = await media.getUserMedia({
      video: { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: FPS }, ...exact(cameraId) },
      audio: microphoneId === "none" ? false : { echoCancellation: true, ...exact(microphoneId) },
    });
    return source(stream);
  } catch (error) {
    throw explained(error);
  }
}

/** @param {SourceOptions} options */
async function screen({ resolution }) {
  const [width, height] = SIZES[resolution];
  const media = devices();
  if (!media.getDisplayMedia) {
    throw new SourceError("This browser cannot share its screen. Publish the camera or the test pattern.");
  }
  try {
    const stream = await media.getDisplayMedia({
      video: { width: { max: width }, height: { max: height }, frameRate: { max: FPS } },
      audio: true,
    });
    for (const track of stream.getVideoTracks()) {
      track.contentHint = "detail";
    }
    return source(stream);
  } catch (error) {
    throw explained(error);
  }
}

/** @param {SourceOptions} options */
async function pattern({ resolution }) {
  const [width, height] = SIZES[resolution];
  if (!canMakePattern()) {
    throw new SourceError("This browser cannot make the test pattern. Publish the camera, or use another browser.");
  }
  const { stream, end } = testPattern({ width, height, fps: FPS });
  return source(stream, end);
}

/** @type {Record<string, (options: SourceOptions) => Promise<Source>>} */
const SOURCES = { camera, screen, pattern };

/**
 * Open the source *kind*: `camera`, `screen` or `pattern`. Throws a `SourceError` where it cannot be had.
 * @param {string} kind
 * @param {SourceOptions} options
 */
export function open(kind, options) {
  return SOURCES[kind](options);
}

/** What can be opened here at all, of camera and screen; asks nobody for permission. */
export async function available() {
  const all = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? [];
  return {
    camera: all.some(({ kind }) => kind === "videoinput"),
    screen: typeof navigator.mediaDevices?.getDisplayMedia === "function",
  };
}

/** The cameras and microphones that can be named; names are known only after a permission was given. */
export async function listDevices() {
  const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  /** @param {string} kind */
  const named = (kind) => all.filter((one) => one.kind === kind && one.label);
  return { cameras: named("videoinput"), microphones: named("audioinput") };
}
