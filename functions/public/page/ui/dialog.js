// A question that has to be answered before the page goes on.

import { make } from "./dom.js";

/**
 * A question, and the labels of its two answers.
 * @typedef {{title: string, text: string, yes: string, no: string}} Question
 */

/**
 * Ask *question*; resolves to whether *yes* was chosen. Escape and *no* are the same; focus is on *no*, and goes back afterwards.
 * @param {Question} question
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, text, yes, no }) {
  const before = document.activeElement;
  const heading = make("h2", { textContent: title, id: "question-title" });
  const words = make("p", { textContent: text, id: "question-text" });
  const refuse = make("button", { type: "submit", value: "no", textContent: no, autofocus: true });
  const agree = make("button", { type: "submit", value: "yes", textContent: yes, className: "danger" });
  const form = make("form", { method: "dialog" }, heading, words, make("div", { className: "actions" }, refuse, agree));
  const dialog = make("dialog", { className: "card question" }, form);
  dialog.setAttribute("aria-labelledby", heading.id);
  dialog.setAttribute("aria-describedby", words.id);
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (before instanceof HTMLElement) {
        before.focus({ preventScroll: true });
      }
      resolve(dialog.returnValue === "yes");
    });
    dialog.showModal();
  });
}
