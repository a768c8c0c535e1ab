// What the page asks of the simulator. Whatever is refused is shown, never swallowed.

import { h } from "./dom.js";

export async function get(path) {
  const answer = await fetch(path, { headers: { Accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error ?? `the simulator answered ${answer.status}`);
  return body;
}

export async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("the simulator does not answer: is it still running in its terminal?");
  }
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error ?? `the simulator answered ${answer.status}`);
  return found;
}

export function toast(text, kind = "bad") {
  const place = document.getElementById("toasts");
  const shown = h(
    "div",
    { class: `toast ${kind}` },
    h("span", {}, text),
    h("button", { type: "button", class: "quiet", "aria-label": "Dismiss", onclick: () => shown.remove() }, "✕"),
  );
  place.append(shown);
  while (place.children.length > 3) place.firstElementChild.remove();
  setTimeout(() => shown.remove(), 12000);
}

// Run this; what goes wrong is told to the person.
export async function tried(work) {
  try {
    return await work();
  } catch (fault) {
    toast(fault.message);
    return null;
  }
}
