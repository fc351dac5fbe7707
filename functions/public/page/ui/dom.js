// Small pieces of DOM that several views need.

/**
 * A new element: `make("p", {className: "hint"}, "text", child)`. Children that are null are left out.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Partial<HTMLElementTagNameMap[Tag]>} [properties]
 * @param {(Node | string | null)[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * The element *id* of class *type*. That it is not there is a mistake of ours, so it throws; `isHere` asks.
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} type
 * @returns {Kind}
 */
export function byId(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) {
    throw new TypeError(`The page has no ${type.name} called ${id}.`);
  }
  return found;
}

/**
 * Whether the page has an element *id*: the one that others may frame has the watch view alone.
 * @param {string} id
 */
export const isHere = (id) => document.getElementById(id) !== null;

/**
 * Write *text* into *element* only where it differs: a live region speaks when it is written to.
 * @param {Element} element
 * @param {string} text
 */
export function say(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/**
 * Mark *input* as wrong, or as not wrong any more. An attribute without a value would mean the contrary.
 * @param {HTMLElement} input
 * @param {boolean} wrong
 */
export function markInvalid(input, wrong) {
  if (wrong) {
    input.setAttribute("aria-invalid", "true");
  } else {
    input.removeAttribute("aria-invalid");
  }
}

/**
 * Fill a `<dl>` with `[term, value]` pairs, keeping the elements that are there.
 * @param {HTMLElement} list
 * @param {[term: string, value: string][]} pairs
 */
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
    list.lastElementChild?.remove();
  }
}

/**
 * Fill a table's body; rows are rewritten only where they changed, so that focus and selection survive a refresh.
 * @template Item
 * @param {HTMLTableSectionElement} body
 * @param {Item[]} items one a row
 * @param {string} empty what is said where there are none
 * @param {(item: Item) => (Node | string)[]} cells what an item shows, one a column
 */
export function fillRows(body, items, empty, cells) {
  const heads = [...(body.closest("table")?.querySelectorAll("th") ?? [])].map((head) => head.textContent);
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
    body.lastElementChild?.remove();
  }
}

/**
 * Fill a `<ul>` with *texts*, and hide it where there are none. It is written only where they differ: it may be a live region.
 * @param {HTMLElement} list
 * @param {string[]} texts
 */
export function fillList(list, texts) {
  if (texts.length !== list.children.length || texts.some((text, i) => list.children[i].textContent !== text)) {
    list.replaceChildren(...texts.map((textContent) => make("li", { textContent })));
  }
  list.hidden = texts.length === 0;
}
