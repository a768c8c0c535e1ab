// Elements without markup: text is only ever text, so nothing that somebody typed becomes part of the page.

export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "value") element.value = value;
    else if (value === true) element.setAttribute(name, "");
    else element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes ?? {})) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const OPEN = "details.many[open], .menu:not([hidden])";

// Replace the children of `parent` by these, keeping every element whose key and content are as before: a button that
// has the focus is still the same one after somebody else wrote something. One in which a menu is open stays as it is
// until that is closed: nothing is pulled away from under a hand.
export function keyed(parent, rows) {
  const before = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const after = rows.map(({ key, sign, make }) => {
    const known = before.get(key);
    if (known && (known.dataset.sign === sign || known.querySelector(OPEN))) return known;
    const made = make();
    made.dataset.key = key;
    made.dataset.sign = sign;
    return made;
  });
  const kept = new Set(after);
  const lost = [...parent.children].find((child) => !kept.has(child) && child.contains(document.activeElement));
  const held = lost && { key: lost.dataset.key, action: document.activeElement.dataset.action };
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  after.forEach((element, index) => {
    if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
  });
  if (held) refocus(after.find((element) => element.dataset.key === held.key), held.action);
}

// Whoever had the focus in what was drawn anew has it there again: on the same control, else on the whole.
function refocus(element, action) {
  if (!element) return;
  const same = action && [...element.querySelectorAll("[data-action]")].find((one) => one.dataset.action === action);
  (same || element).focus({ preventScroll: true });
}

// Where the focus is now, as what gives it back later: the message may be drawn anew meanwhile.
export function remembered() {
  const at = document.activeElement;
  const row = at?.closest("[data-key]");
  const place = row?.parentElement;
  const { key } = row?.dataset ?? {};
  const { action } = at?.dataset ?? {};
  return () => {
    if (at?.isConnected && at !== document.body) at.focus({ preventScroll: true });
    else if (place?.isConnected) refocus([...place.children].find((element) => element.dataset.key === key), action);
  };
}

let last = 0;
export function newId(prefix) {
  last += 1;
  return `${prefix}-${last}`;
}

// The page's own signs: a machine without an emoji font shows them too.
const SIGNS = {
  clip: "M8 13l6-6a3 3 0 0 1 4.2 4.2l-7.5 7.5a5 5 0 0 1-7-7L11 4.4",
  chat: "M4 5h16v11H10l-5 4v-4H4z",
  chart: "M4 19V5M4 19h16M7 15l4-5 3 3 5-7",
  bolt: "M13 2L5 13h5l-1 9 8-12h-5z",
};

export function sign(name) {
  return svg("svg", { viewBox: "0 0 24 24", class: "sign", "aria-hidden": "true" }, svg("path", { d: SIGNS[name] }));
}
