// The page: three views of one document, chosen by the address (`/`, `/#watch` or `/watch/{id}`, `/#overview`).
//
// One document, so that publishing goes on while its owner looks at another view. At `/watch/{id}` the server leaves out all
// views but watching: other sites may frame that page.

import { OverviewView } from "./overview/view.js";
import { pageState } from "./page-state.js";
import { isOnAir } from "./publish/states.js";
import { PublishView } from "./publish/view.js";
import { wireCopyButtons } from "./ui/clipboard.js";
import { byId, isHere } from "./ui/dom.js";
import { WatchView } from "./watch/view.js";

/** @typedef {"publish" | "watch" | "overview"} View */

/** @type {Record<View, string>} */
const TITLES = { publish: "Publish", watch: "Watch", overview: "What the stack sees" };

const VIEWS = /** @type {View[]} */ (Object.keys(TITLES));

/** @type {View | null} */
let shown = null;
let ready = false;

// An address of a stream serves the watch view alone.
const publishView = isHere("publish") ? new PublishView(tell) : null;
const watchView = new WatchView(tell);
const overviewView = isHere("overview") ? new OverviewView(() => publishView?.streamId ?? null) : null;

/** Say to programs what the page does. Only what is shown has the role: one sentence goes with one state. */
function tell() {
  if (ready && shown) {
    document.body.dataset.state = pageState(shown, publishView?.state ?? "idle", watchView.state);
  }
}

/** @param {View} view */
function giveRole(view) {
  for (const id of ["publish-status", "watch-status"].filter(isHere)) {
    byId(id, HTMLElement).removeAttribute("role");
  }
  byId(view === "watch" ? "watch-status" : "publish-status", HTMLElement).setAttribute("role", "status");
}

function streamInAddress() {
  return /^\/watch\/([a-z2-7]{16})\/?$/.exec(location.pathname)?.[1] ?? null;
}

/**
 * A path's text; what no browser would have written stays as it is.
 * @param {string} path
 */
function textOf(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/**
 * The view called *name*, where this document has it.
 * @param {string | undefined} name
 */
function viewNamed(name) {
  return VIEWS.find((view) => view === name && isHere(view)) ?? null;
}

/** The view that the address names. */
function wanted() {
  const name = location.hash.slice(1);
  if (name === "main" && shown) {
    return shown; // the skip link
  }
  return viewNamed(name) ?? (/^\/watch(\/|$)/.test(location.pathname) ? "watch" : "publish");
}

/**
 * Show *view* and nothing else; with *focus* a keyboard goes on from its heading.
 * @param {View} view
 * @param {{focus?: boolean}} [options]
 */
function show(view, { focus = false } = {}) {
  if (shown === view) {
    return;
  }
  if (shown === "overview") {
    overviewView?.leave();
  }
  shown = view;
  for (const name of VIEWS) {
    document.getElementById(name)?.toggleAttribute("hidden", name !== view);
    const link = document.querySelector(`nav a[data-view="${name}"]`);
    if (name === view) {
      link?.setAttribute("aria-current", "page");
    } else {
      link?.removeAttribute("aria-current");
    }
  }
  document.title = `${TITLES[view]} · Sluice`;
  giveRole(view);
  tell();
  if (view === "overview") {
    overviewView?.enter();
  }
  if (focus) {
    byId(`${view}-heading`, HTMLElement).focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

document.querySelector("nav")?.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[data-view]") : null;
  const view = viewNamed(link?.getAttribute("data-view") ?? undefined);
  if (view && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault();
    if (wanted() !== view) {
      history.pushState(null, "", view === "publish" ? "/" : `/#${view}`);
    }
    show(view, { focus: true });
  }
});

addEventListener("popstate", () => {
  show(wanted());
  const id = streamInAddress();
  if (id && watchView.streamId !== id) {
    watchView.watch(id);
  }
});

// A tab that is closed while live would end the stream without a word.
addEventListener("beforeunload", (event) => {
  if (publishView && isOnAir(publishView.state)) {
    event.preventDefault();
  }
});

document.documentElement.classList.toggle("embedded", window.top !== window);
wireCopyButtons(document);
show(wanted());
const addressed = streamInAddress();
if (addressed) {
  watchView.watch(addressed);
} else if (location.pathname.startsWith("/watch/")) {
  const input = byId("stream-id", HTMLInputElement);
  input.value = textOf(location.pathname.slice("/watch/".length));
  if (input.value) {
    byId("watch-form", HTMLFormElement).requestSubmit();
  }
}
(publishView?.ready ?? Promise.resolve()).then(() => {
  ready = true;
  tell();
});
