// Buttons that copy what a field shows.

import { byId } from "./dom.js";

const TOLD_MS = 2000;

/**
 * Copy what *input* shows; the clipboard API exists only in secure contexts, a selection exists everywhere.
 * @param {HTMLInputElement} input
 */
async function copy(input) {
  try {
    await navigator.clipboard.writeText(input.value);
    return true;
  } catch {
    input.select();
    return document.execCommand("copy");
  }
}

/**
 * Let each "Copy" button below *root* copy the field that it names in `data-copy`.
 * @param {ParentNode} root
 */
export function wireCopyButtons(root) {
  for (const button of root.querySelectorAll("button[data-copy]")) {
    const label = button.textContent;
    const name = button.getAttribute("aria-label") ?? "";
    button.addEventListener("click", async () => {
      const done = await copy(byId(button.getAttribute("data-copy") ?? "", HTMLInputElement));
      // The name begins with the words that are shown, or a person who speaks to the browser is not understood.
      button.textContent = done ? "Copied" : "Press Ctrl+C";
      button.setAttribute("aria-label", name.replace(/^Copy/, done ? "Copied" : "Press Ctrl+C to copy"));
      setTimeout(() => {
        button.textContent = label;
        button.setAttribute("aria-label", name);
      }, TOLD_MS);
    });
  }
}
