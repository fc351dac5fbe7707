// The page: three views of one document, chosen by the address (`/`, `/#watch` or `/watch/{id}`, `/#overview`).
//
// One document, so that publishing goes on while its owner looks at another view. At `/watch/{id}` the server leaves out all
// views but watching: other sites may frame that page.

import { byId, wireCopyButtons } from "./ui/dom.js";
import { OverviewView } from "./overview/view.js";
import { PublishView } from "./publish/view.js";
import { pageState } from "./page-state.js";
import { WatchView } from "./watch/view.js";

const TITLES = { publish: "Publish", watch: "Watch", overview: "What the stack sees" };

let shown = null;
let ready = false;

// An address of a stream serves the watch view alone.
const publishView = byId("publish") && new PublishView(tell);
const watchView = new WatchView(tell);
const overviewView = byId("overview") && new OverviewView(() => publishView.streamId);

/** Say to programs what the page does. Only what is shown has the role: one sentence goes with one state. */
function tell() {
  if (ready) {
    document.body.dataset.state = pageState(shown, publishView?.state, watchView.state);
  }
}

function rolesFor(view) {
  byId("publish-status")?.removeAttribute("role");
  byId("watch-status").removeAttribute("role");
  byId(view === "watch" ? "watch-status" : "publish-status").setAttribute("role", "status");
}

function streamInAddress() {
  return /^\/watch\/([a-z2-7]{16})\/?$/.exec(location.pathname)?.[1] ?? null;
}

/** A path's text; what no browser would have written stays as it is. */
function textOf(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function wanted() {
  const named = location.hash.slice(1);
  if (named in TITLES && byId(named)) {
    return named;
  }
  if (named === "main" && shown) {
    return shown; // the skip link
  }
  return /^\/watch(\/|$)/.test(location.pathname) ? "watch" : "publish";
}

function show(view, { focus = false } = {}) {
  if (shown === view) {
    return;
  }
  if (shown === "overview") {
    overviewView.leave();
  }
  shown = view;
  for (const name of Object.keys(TITLES)) {
    byId(name)?.toggleAttribute("hidden", name !== view);
    const link = document.querySelector(`nav a[data-view="${name}"]`);
    if (name === view) {
      link.setAttribute("aria-current", "page");
    } else {
      link.removeAttribute("aria-current");
    }
  }
  document.title = `${TITLES[view]} · Sluice`;
  rolesFor(view);
  tell();
  if (view === "overview") {
    overviewView.enter();
  }
  if (focus) {
    byId(`${view}-heading`).focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

document.querySelector("nav").addEventListener("click", (event) => {
  const view = event.target.closest("a[data-view]")?.dataset.view;
  if (view && byId(view) && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
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
  if (["live", "reconnecting"].includes(publishView?.state)) {
    event.preventDefault();
  }
});

document.documentElement.classList.toggle("embedded", window.top !== window);
wireCopyButtons(document);
show(wanted());
if (streamInAddress()) {
  watchView.watch(streamInAddress());
} else if (location.pathname.startsWith("/watch/")) {
  byId("stream-id").value = textOf(location.pathname.slice("/watch/".length));
  if (byId("stream-id").value) {
    byId("watch-form").requestSubmit();
  }
}
(publishView?.ready ?? Promise.resolve()).then(() => {
  ready = true;
  tell();
});
