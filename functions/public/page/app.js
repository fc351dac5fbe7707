// The page: three views of one document, chosen by the address (`/`, `/#watch` or `/watch/{id}`, `/#overview`).
//
// One document, so that publishing goes on while its owner looks at another view. At `/watch/{id}` the server leaves out all
// views but watching: other sites may frame that page.

import { byId, wireCopyButtons } from "./dom.js";
import { OverviewView } from "./overview.js";
import { PublishView } from "./publish.js";
import { WatchView } from "./watch.js";

const TITLES = { publish: "Publish", watch: "Watch", overview: "What the stack sees" };

const publishView = byId("publish") && new PublishView();
const watchView = new WatchView();
const overviewView = byId("overview") && new OverviewView(() => publishView.streamId);

let shown = null;

function streamInAddress() {
  return /^\/watch\/([a-z2-7]{16})\/?$/.exec(location.pathname)?.[1] ?? null;
}

function wanted() {
  const named = location.hash.slice(1);
  if (named in TITLES && byId(named)) {
    return named;
  }
  return location.pathname.startsWith("/watch/") ? "watch" : "publish";
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
  if (publishView?.state === "live") {
    event.preventDefault();
  }
});

document.documentElement.classList.toggle("embedded", window.top !== window);
wireCopyButtons(document);
show(wanted());
if (streamInAddress()) {
  watchView.watch(streamInAddress());
} else if (location.pathname.startsWith("/watch/")) {
  byId("stream-id").value = decodeURIComponent(location.pathname.slice("/watch/".length));
  byId("watch-form").requestSubmit();
}
