// The choice of a source: camera, screen or test pattern, its devices, its preview and its sound.

import { byId } from "../ui/dom.js";
import * as sources from "./sources.js";

/** @typedef {import("./sources.js").Source} Source */

/** The fields whose change opens the source anew. */
const REOPENING = ["source", "resolution", "camera", "microphone"];

/** The chosen source, open or not, and the elements that choose and show it. */
export class SourcePicker {
  #form = byId("publish-form", HTMLFormElement);
  #resolution = byId("resolution", HTMLSelectElement);
  #camera = byId("camera", HTMLSelectElement);
  #microphone = byId("microphone", HTMLSelectElement);
  #preview = byId("preview", HTMLVideoElement);
  #stage = byId("publish-stage", HTMLElement);
  #mute = byId("mute-microphone", HTMLButtonElement);
  /** @type {Source | null} */
  #source = null;
  #touched = false;
  #onEnded;

  /** @param {{onEnded: () => void}} hooks *onEnded*: the browser's own "stop sharing", or a camera that was unplugged */
  constructor({ onEnded }) {
    this.#onEnded = onEnded;
    for (const event of ["pointerdown", "keydown"]) {
      this.#form.addEventListener(event, () => {
        this.#touched = true;
      });
    }
    this.#mute.addEventListener("click", () => this.#toggleSound());
    this.showSettings();
  }

  /** What is captured now, or null while no source is open. */
  get stream() {
    return this.#source?.stream ?? null;
  }

  /**
   * Choose the camera where there is one; the test pattern stays where there is none, or where the person was faster.
   * @param {() => boolean} mayChange
   */
  async chooseFirst(mayChange) {
    const has = await sources.available();
    const screen = byId("source-screen", HTMLInputElement).closest("label");
    if (screen) {
      screen.hidden = !has.screen;
    }
    if (has.camera && !this.#touched && mayChange() && !this.#source) {
      this.#choose("camera");
    }
  }

  /** Choose the test pattern, which needs no device and nobody's permission. */
  choosePattern() {
    this.#choose("pattern");
  }

  /**
   * Whether a change of the field *name* opens the source anew.
   * @param {string} name
   */
  reopensAt(name) {
    return this.#source !== null && REOPENING.includes(name);
  }

  /** Open what is chosen, and close what was open. Throws a `SourceError` where it cannot be had. */
  async open() {
    const kind = this.#kind;
    const source = await sources.open(kind, {
      resolution: this.#resolution.value,
      cameraId: this.#camera.value,
      microphoneId: this.#microphone.value,
    });
    this.close();
    this.#source = source;
    this.#preview.srcObject = source.stream;
    this.#stage.classList.toggle("mirrored", kind === "camera");
    this.#stage.classList.add("has-picture");
    this.#preview.play().catch(() => {});
    const [video] = source.stream.getVideoTracks();
    video?.addEventListener("ended", () => {
      if (this.#source === source) {
        this.#onEnded();
      }
    });
    this.#showSound();
    if (kind === "camera") {
      await this.#listDevices();
    }
    return source.stream;
  }

  /** Give devices and timers back, and show no preview. */
  close() {
    this.#source?.stop();
    this.#source = null;
    this.#preview.srcObject = null;
    this.#stage.classList.remove("has-picture", "mirrored");
    this.#showSound();
  }

  /** Show the settings that the chosen kind has. */
  showSettings() {
    byId("camera-settings", HTMLElement).hidden = this.#kind !== "camera";
  }

  get #kind() {
    return /** @type {RadioNodeList} */ (this.#form.elements.namedItem("source")).value;
  }

  /** @param {"camera" | "pattern"} kind */
  #choose(kind) {
    byId(`source-${kind}`, HTMLInputElement).checked = true;
    this.showSettings();
  }

  async #listDevices() {
    const { cameras, microphones } = await sources.listDevices();
    fillDevices(this.#camera, cameras);
    fillDevices(this.#microphone, microphones);
  }

  #showSound() {
    const [track] = this.stream?.getAudioTracks() ?? [];
    this.#mute.hidden = !track;
    this.#mute.textContent = track?.enabled === false ? "Unmute sound" : "Mute sound";
  }

  #toggleSound() {
    for (const track of this.stream?.getAudioTracks() ?? []) {
      track.enabled = !track.enabled;
    }
    this.#showSound();
  }
}

/**
 * Offer *found* in *select*, behind what it always offers; what was chosen stays chosen where it is still there.
 * @param {HTMLSelectElement} select
 * @param {MediaDeviceInfo[]} found
 */
function fillDevices(select, found) {
  const chosen = select.value;
  const always = [...select.options].filter(({ value }) => value === "" || value === "none");
  select.replaceChildren(...always, ...found.map(({ label, deviceId }) => new Option(label, deviceId)));
  select.value = [...select.options].some(({ value }) => value === chosen) ? chosen : "";
}
