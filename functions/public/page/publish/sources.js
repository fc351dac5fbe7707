// What can be published: the camera, the screen, or a test pattern that is drawn and sounded here.
//
// Each source is `{stream, stop}`; `stop` gives devices and timers back. A person's "no" is a `SourceError`.

const HEIGHTS = { "360p": [640, 360], "720p": [1280, 720], "1080p": [1920, 1080] };
const FPS = 30;

/** Why a source cannot be had, in words for the person who asked for it. */
export class SourceError extends Error {}

const EXPLAINED = {
  NotAllowedError: "The browser did not allow it. Allow the camera and microphone for this page, then try again.",
  NotFoundError: "No such device was found. Connect a camera or microphone, or publish the test pattern.",
  NotReadableError: "Another program is using the device. Close it there, then try again.",
  OverconstrainedError: "The device cannot deliver this resolution. Choose a smaller one.",
  AbortError: "The device stopped while it was being opened. Try again.",
};

function explained(error) {
  return new SourceError(EXPLAINED[error.name] ?? `The source could not be opened (${error.name}).`);
}

function devices() {
  if (!navigator.mediaDevices) {
    throw new SourceError(
      "Browsers hand out camera, microphone and screen only on https pages and on localhost. " +
        "The test pattern works here.",
    );
  }
  return navigator.mediaDevices;
}

const held = (stream, extra = () => {}) => ({
  stream,
  stop() {
    for (const track of stream.getTracks()) {
      track.stop();
    }
    extra();
  },
});

async function camera({ resolution, cameraId, microphoneId }) {
  const [width, height] = HEIGHTS[resolution];
  const exact = (id) => (id ? { deviceId: { exact: id } } : {});
  const media = devices();
  try {
    const stream = await media.getUserMedia({
      video: { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: FPS }, ...exact(cameraId) },
      audio: microphoneId === "none" ? false : { echoCancellation: true, ...exact(microphoneId) },
    });
    return held(stream);
  } catch (error) {
    throw explained(error);
  }
}

async function screen({ resolution }) {
  const [width, height] = HEIGHTS[resolution];
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
    return held(stream);
  } catch (error) {
    throw explained(error);
  }
}

const BARS = ["#c0c0c0", "#c0c000", "#00c0c0", "#00c000", "#c000c0", "#c00000", "#0000c0"];

function draw(context, frame, started) {
  const { width, height } = context.canvas;
  const bar = width / BARS.length;
  BARS.forEach((colour, i) => {
    context.fillStyle = colour;
    context.fillRect(Math.floor(i * bar), 0, Math.ceil(bar), height * 0.7);
  });
  for (let i = 0; i < 12; i += 1) {
    context.fillStyle = `rgb(${i * 21} ${i * 21} ${i * 21})`;
    context.fillRect((i * width) / 12, height * 0.7, width / 12 + 1, height * 0.12);
  }
  context.fillStyle = "#101418";
  context.fillRect(0, height * 0.82, width, height * 0.18);
  // A ball that crosses the picture every four seconds shows freezes and dropped frames better than numbers do.
  const phase = (frame % (4 * FPS)) / (4 * FPS);
  const radius = height * 0.07;
  context.beginPath();
  context.arc(
    radius + phase * (width - 2 * radius),
    height * 0.38 - Math.abs(Math.sin(phase * 4 * Math.PI)) * height * 0.26 + height * 0.2,
    radius,
    0,
    2 * Math.PI,
  );
  context.fillStyle = "#ffffff";
  context.fill();
  context.lineWidth = height * 0.008;
  context.strokeStyle = "#101418";
  context.stroke();
  context.fillStyle = "#ffffff";
  context.textBaseline = "middle";
  context.font = `600 ${Math.round(height * 0.075)}px ui-monospace, monospace`;
  const clock = new Date().toISOString().slice(11, 23);
  context.textAlign = "left";
  context.fillText(clock, width * 0.03, height * 0.91);
  context.textAlign = "right";
  const seconds = Math.floor((performance.now() - started) / 1000);
  context.fillText(`${height}p  #${frame}  ${seconds}s`, width * 0.97, height * 0.91);
}

/** Colour bars with a moving ball, a clock and a frame count; a 440 Hz tone that beeps up once a second. */
async function pattern({ resolution }) {
  const [width, height] = HEIGHTS[resolution];
  if (!HTMLCanvasElement.prototype.captureStream || !globalThis.AudioContext || !globalThis.Worker) {
    throw new SourceError("This browser cannot make the test pattern. Publish the camera, or use another browser.");
  }
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { alpha: false });
  const started = performance.now();
  let frame = 0;
  draw(context, frame, started);
  const stream = canvas.captureStream(FPS);
  stream.getVideoTracks()[0].contentHint = "motion";
  const ticker = new Worker(new URL("./frame-timer.js", import.meta.url));
  ticker.addEventListener("message", () => {
    frame += 1;
    draw(context, frame, started);
  });
  ticker.postMessage(1000 / FPS);

  const audio = new AudioContext();
  const output = audio.createMediaStreamDestination();
  const volume = new GainNode(audio, { gain: 0.12 });
  const tone = new OscillatorNode(audio, { frequency: 440 });
  tone.connect(volume).connect(output);
  tone.start();
  const beep = setInterval(() => {
    tone.frequency.setValueAtTime(880, audio.currentTime);
    tone.frequency.setValueAtTime(440, audio.currentTime + 0.12);
  }, 1000);
  for (const track of output.stream.getAudioTracks()) {
    stream.addTrack(track);
  }
  return held(stream, () => {
    ticker.terminate();
    clearInterval(beep);
    audio.close().catch(() => {});
  });
}

const SOURCES = { camera, screen, pattern };

/** Open the source *kind* with *options* `{resolution, cameraId, microphoneId}`. */
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
  const named = (kind) => all.filter((one) => one.kind === kind && one.label);
  return { cameras: named("videoinput"), microphones: named("audioinput") };
}
