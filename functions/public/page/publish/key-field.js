// The field of the stream key, and what is said beside it.
//
// The key of an account lives in this password field and in the Authorization header of one request; it is never put into a
// URL or into storage.

import { pasted } from "../text/pasted.js";
import { byId, markInvalid } from "../ui/dom.js";
import { isStored } from "./stored-key.js";

/** The key in its field: shown or hidden, right or wrong, stored on this device or not. */
export class KeyField {
  #input = byId("stream-key", HTMLInputElement);
  #getFree = byId("free-key", HTMLButtonElement);
  #forget = byId("forget-free-key", HTMLButtonElement);

  /** @param {{onGetFree: () => unknown, onForget: () => unknown}} hooks what the buttons beside the field do */
  constructor({ onGetFree, onForget }) {
    this.#input.addEventListener("input", () => {
      markInvalid(this.#input, false);
      this.showStored();
    });
    const show = byId("show-key", HTMLButtonElement);
    show.addEventListener("click", () => {
      const shown = this.#input.type === "text";
      this.#input.type = shown ? "password" : "text";
      show.textContent = shown ? "Show" : "Hide";
      show.setAttribute("aria-label", shown ? "Show the stream key" : "Hide the stream key");
    });
    this.#getFree.addEventListener("click", () => onGetFree());
    this.#forget.addEventListener("click", () => onForget());
  }

  /** What stands in the field, as it was typed or pasted. */
  get text() {
    return this.#input.value;
  }

  set text(value) {
    this.#input.value = value;
  }

  /** The key that was meant, without what a chat or a document put around it. */
  get key() {
    return String(pasted(this.text).value);
  }

  /** Whether the key in the field is the free one that this device keeps. */
  get isStored() {
    return isStored(this.text);
  }

  /**
   * Mark what is in the field as no valid key, or as right again.
   * @param {boolean} wrong
   */
  markInvalid(wrong) {
    markInvalid(this.#input, wrong);
  }

  /** Go to the field for another key; with *keep* the old one stays, to be corrected. */
  ask({ keep = false } = {}) {
    if (!keep) {
      this.text = "";
    }
    this.#input.focus();
    this.#input.select();
  }

  /** Set the keyboard into the field. */
  focus() {
    this.#input.focus();
  }

  /**
   * Say beside the field what becomes of the free key in it; *lost*: a reload loses the one that was just taken.
   */
  showStored({ lost = false } = {}) {
    const stored = this.isStored;
    byId("kept-hint", HTMLElement).hidden = !stored && !lost;
    byId("kept-text", HTMLElement).textContent = stored
      ? "This free key is kept on this device, so that its watch link outlives a reload."
      : "This browser keeps nothing: a reload loses this key and its watch link.";
    this.#forget.hidden = !stored;
  }

  /**
   * Lock the field and its buttons while something runs.
   * @param {{field: boolean, buttons: boolean}} locked
   */
  lock({ field, buttons }) {
    this.#input.readOnly = field;
    this.#getFree.disabled = buttons;
    this.#forget.disabled = buttons;
  }

  /**
   * Let a free key be asked for, or not while one is on its way.
   * @param {boolean} allowed
   */
  allowFree(allowed) {
    this.#getFree.disabled = !allowed;
  }
}
