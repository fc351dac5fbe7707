// The test pattern: colour bars with a moving ball, a clock and a frame count; a 440 Hz tone that beeps up once a second.

const BARS = ["#c0c0c0", "#c0c000", "#00c0c0", "#00c000", "#c000c0", "#c00000", "#0000c0"];

/** Whether this browser can make the test pattern: a canvas that is a stream, sound, and a worker. */
export const canMakePattern = () =>
  "captureStream" in HTMLCanvasElement.prototype && "AudioContext" in globalThis && "Worker" in globalThis;

/**
 * The pattern in *width* by *height* pixels, *fps* times a second; `end` gives timers and sound back.
 * @param {{width: number, height: number, fps: number}} size
 * @returns {{stream: MediaStream, end: () => void}}
 */
export function testPattern({ width, height, fps }) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
  const started = performance.now();
  let frame = 0;
  const draw = () => drawFrame(context, { frame, fps, seconds: Math.floor((performance.now() - started) / 1000) });
  draw();
  const stream = canvas.captureStream(fps);
  stream.getVideoTracks()[0].contentHint = "motion";
  const timer = new Worker(new URL("./frame-timer.js", import.meta.url));
  timer.addEventListener("message", () => {
    frame += 1;
    draw();
  });
  timer.postMessage(1000 / fps);

  const sound = testTone();
  for (const track of sound.stream.getAudioTracks()) {
    stream.addTrack(track);
  }
  return {
    stream,
    end() {
      timer.terminate();
      sound.end();
    },
  };
}

/** @returns {{stream: MediaStream, end: () => void}} */
function testTone() {
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
  return {
    stream: output.stream,
    end() {
      clearInterval(beep);
      audio.close().catch(() => {});
    },
  };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{frame: number, fps: number, seconds: number}} moment
 */
function drawFrame(context, { frame, fps, seconds }) {
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
  const phase = (frame % (4 * fps)) / (4 * fps);
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
  context.textAlign = "left";
  context.fillText(new Date().toISOString().slice(11, 23), width * 0.03, height * 0.91);
  context.textAlign = "right";
  context.fillText(`${height}p  #${frame}  ${seconds}s`, width * 0.97, height * 0.91);
}
