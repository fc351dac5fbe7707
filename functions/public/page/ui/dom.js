// Small pieces of DOM that several views need.

/** An element: `make("p", {className: "hint"}, "text", child)`. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Write *text* only where it differs: a live region speaks when it is written to. */
export function say(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** Mark *input* as wrong, or as not wrong any more. An attribute without a value would mean the contrary. */
export function markInvalid(input, wrong) {
  if (wrong) {
    input.setAttribute("aria-invalid", "true");
  } else {
    input.removeAttribute("aria-invalid");
  }
}

/** Fill a `<dl>` with `[term, value]` pairs, keeping the elements that are there. */
export function describe(list, pairs) {
  pairs.forEach(([term, value], i) => {
    let row = list.children[i];
    if (!row) {
      row = make("div", {}, make("dt"), make("dd"));
      list.append(row);
    }
    say(row.children[0], term);
    say(row.children[1], value);
  });
  while (list.children.length > pairs.length) {
    list.lastElementChild.remove();
  }
}

/** Fill a table's body; rows are rewritten only where they changed, so that focus and selection survive a refresh. */
export function fillRows(body, items, empty, cells) {
  const heads = [...body.closest("table").querySelectorAll("th")].map((head) => head.textContent);
  const rows = items.map((item) =>
    make("tr", {}, ...cells(item).map((cell, i) => {
      const td = make("td", {}, cell);
      td.dataset.label = heads[i];
      return td;
    })),
  );
  if (rows.length === 0) {
    rows.push(make("tr", { className: "empty" }, make("td", { colSpan: heads.length, textContent: empty })));
  }
  rows.forEach((row, i) => {
    const there = body.rows[i];
    if (!there) {
      body.append(row);
    } else if (there.innerHTML !== row.innerHTML) {
      there.replaceWith(row);
    }
  });
  while (body.rows.length > rows.length) {
    body.lastElementChild.remove();
  }
}

/** Fill a `<ul>` with *texts*, and hide it where there are none. It is written only where they differ: it may be a live region. */
export function fillList(list, texts) {
  if (texts.length !== list.children.length || texts.some((text, i) => list.children[i].textContent !== text)) {
    list.replaceChildren(...texts.map((textContent) => make("li", { textContent })));
  }
  list.hidden = texts.length === 0;
}

/** Copy *text*; the clipboard API exists only in secure contexts, a selection exists everywhere. */
export async function copy(text, input) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    input?.select();
    return document.execCommand("copy");
  }
}

/** Wire a "Copy" button to the input it names in `data-copy`. */
export function wireCopyButtons(root) {
  for (const button of root.querySelectorAll("[data-copy]")) {
    const label = button.textContent;
    const name = button.getAttribute("aria-label");
    button.addEventListener("click", async () => {
      const input = byId(button.dataset.copy);
      const done = await copy(input.value, input);
      // The name begins with the words that are shown, or a person who speaks to the browser is not understood.
      button.textContent = done ? "Copied" : "Press Ctrl+C";
      button.setAttribute("aria-label", name.replace(/^Copy/, done ? "Copied" : "Press Ctrl+C to copy"));
      setTimeout(() => {
        button.textContent = label;
        button.setAttribute("aria-label", name);
      }, 2000);
    });
  }
}

/** Run *task* every *ms* while it is wanted and the page can be seen (*hidden*: or not); `stop()` ends it. */
export function every(ms, task, { hidden = false } = {}) {
  let running = false;
  const tick = async () => {
    if (running || (document.hidden && !hidden)) {
      return;
    }
    running = true;
    try {
      await task();
    } finally {
      running = false;
    }
  };
  const timer = setInterval(tick, ms);
  tick();
  return { stop: () => clearInterval(timer) };
}
