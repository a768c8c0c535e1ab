// A menu in which several can be chosen. As in Slack the app hears of it once, when the menu is left.

import { h } from "./dom.js";

const WAIT_MS = 200;

// `groups` are what can be chosen, `chosen` the values that are; `search` brings options for what is typed, if the app does.
export function many(element, field, { groups, chosen, tell, search, least }) {
  const most = element.max_selected_items ?? Infinity;
  const words = element.placeholder?.text ?? "Choose…";
  const picked = new Map(chosen.map((option) => [option.value, option]));
  let told = [...picked.keys()].join("\n");
  const face = h("summary", { "data-action": element.place, "aria-describedby": field.described });
  const list = h("div", { class: "many-options", role: "group", "aria-label": words });
  const query = search ? h("input", { type: "text", "aria-label": `Find: ${words}`, placeholder: words, autocomplete: "off" }) : null;
  const box = h("details", { class: "many" }, face, h("div", { class: "many-list" }, query, list));

  function sum() {
    face.dataset.values = JSON.stringify([...picked.keys()]);
    face.textContent = picked.size ? [...picked.values()].map((option) => option.text).join(", ") : words;
    for (const input of list.querySelectorAll("input")) input.disabled = !input.checked && picked.size >= most;
  }

  function offer(found) {
    list.replaceChildren(...found.map((group) => [
      group.label ? h("p", { class: "muted" }, group.label) : null,
      ...group.options.map((option) => h("label", {},
        h("input", { type: "checkbox", value: option.value, checked: picked.has(option.value), onchange: (event) => {
          if (event.target.checked) picked.set(option.value, option);
          else picked.delete(option.value);
          sum();
        } }),
        h("span", {}, option.text, option.says ? h("small", {}, option.says) : null))),
    ]).flat().filter(Boolean));
    sum();
  }

  async function left() {
    const now = [...picked.keys()];
    if (now.join("\n") === told) return;
    told = now.join("\n");
    await tell(now);
  }

  let turn = 0;
  async function find() {
    turn += 1;
    const mine = turn;
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    if (mine !== turn || query.value.length < least) return;
    const found = await search(query.value);
    if (!found || mine !== turn) return;
    const kept = [...picked.values()].filter((option) => !found.some((one) => one.value === option.value));
    offer([{ options: [...kept, ...found] }]);
  }

  query?.addEventListener("input", () => void find());
  box.addEventListener("toggle", () => {
    if (!box.open) void left();
    else if (query) void find();
  });
  box.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !box.contains(event.relatedTarget)) box.open = false;
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target !== face) event.preventDefault();
    if (event.key !== "Escape" || !box.open) return;
    event.preventDefault();
    event.stopPropagation();
    box.open = false;
    face.focus();
  });
  offer(search ? [{ options: [...picked.values()] }] : groups);
  return box;
}
