// The fault board: what can be broken, how hard and where, and what is broken now.

import { post, toast, tried } from "./api.js";
import { h, newId } from "./dom.js";

export function mountBoard(place, first) {
  const cards = new Map();
  const count = h("strong", { role: "status" });
  const heal = h("button", { type: "button", onclick: () => void tried(async () => take(await post("/sim/board/heal", {}))) }, "Mend everything");
  const key = h("div", { class: "spare" });
  const groups = Map.groupBy ? [...Map.groupBy(first.faults, (one) => one.group)] : grouped(first.faults);
  let spare = null;

  if (first.drill) {
    place.replaceChildren(h("header", { class: "row" }, h("h2", {}, "Drill: ", first.drill.title)), h("p", { class: "story" }, first.drill.story.trim()), key);
    take(first);
    return take;
  }
  place.replaceChildren(
    h("header", { class: "row" }, h("h2", {}, "Break something"), h("span", { class: "push" }, heal)),
    h("p", { class: "muted" }, count, `. This MaintainX allows a key ${first.limit.requests} requests in ${first.limit.window_s} seconds; the real one, 100 in 60.`),
    ...groups.map(([name, faults], at) => h("details", { open: at < 2 }, h("summary", {}, name), faults.map((fault) => card(fault)),
      name === "The key" ? key : null)),
  );

  function card(fault) {
    const fields = fault.params.map((param) => field(fault, param));
    const on = h("button", { type: "button", class: "switch", role: "switch", "aria-checked": "false", "aria-label": fault.title, onclick: () => void flip() });
    const made = h("div", { class: "fault" },
      h("div", { class: "row" }, h("strong", {}, fault.title), h("span", { class: "push" }, on)),
      h("p", { class: "muted" }, fault.says),
      fields.length ? h("div", { class: "params" }, fields.map((one) => one.element)) : null);

    async function flip() {
      const is = on.getAttribute("aria-checked") === "true";
      await tried(async () => take(is ? await post("/sim/board/off", { id: fault.id }) : await post("/sim/board/on", { id: fault.id, values: values() })));
    }

    function values() {
      return Object.fromEntries(fields.map((one) => [one.name, one.value()]));
    }

    // A fault that is on takes its new strength at once.
    made.addEventListener("change", () => {
      if (on.getAttribute("aria-checked") === "true") void tried(async () => take(await post("/sim/board/on", { id: fault.id, values: values() })));
    });
    cards.set(fault.id, { made, on, fields });
    return made;
  }

  function field(fault, param) {
    const id = newId(fault.id);
    if (param.kind === "choice") {
      const select = h("select", { id }, param.options.map((one) => h("option", { value: one.value }, one.label)));
      return { name: param.name, value: () => select.value, element: h("div", {}, h("label", { for: id }, param.title), select),
        set: (value) => (select.value = value) };
    }
    const shown = h("output", { for: id });
    const range = h("input", { id, type: "range", min: param.min, max: param.max, step: param.step, value: String(param.default) });
    const show = () => (shown.textContent = `${range.value} ${param.unit}`.trim());
    range.addEventListener("input", show);
    show();
    return { name: param.name, value: () => Number(range.value), element: h("div", {}, h("label", { for: id }, param.title, " ", shown), range),
      set: (value) => {
        range.value = value;
        show();
      } };
  }

  function take(told) {
    const broken = Object.keys(told.on);
    for (const [id, { made, on, fields }] of cards) {
      const is = id in told.on;
      const changed = on.getAttribute("aria-checked") !== String(is);
      on.setAttribute("aria-checked", String(is));
      made.classList.toggle("on", is);
      if (changed && is) for (const one of fields) if (!one.element.contains(document.activeElement)) one.set(told.on[id][one.name]);
    }
    count.textContent = broken.length ? `${broken.length} broken` : "All is well";
    heal.disabled = !broken.length;
    if (told.spare_key !== spare || !key.childElementCount) {
      spare = told.spare_key;
      key.replaceChildren(spareKey());
    }
  }

  function spareKey() {
    const fresh = h("button", { type: "button", onclick: () => void tried(async () => take(await post("/sim/key", {}))) }, "Make a new key in MaintainX");
    if (!spare) return h("div", { class: "fault" }, h("p", { class: "muted" }, "A new key for whoever rotates."), fresh);
    const field = h("input", { id: "spare", readonly: true, value: spare });
    return h("div", { class: "fault" }, h("label", { for: "spare" }, "New key, valid now"), h("div", { class: "row" }, field,
      h("button", { type: "button", onclick: async () => {
        await navigator.clipboard.writeText(spare);
        toast("The key is copied.", "good");
      } }, "Copy")), fresh);
  }

  take(first);
  return take;
}

function grouped(faults) {
  const found = new Map();
  for (const one of faults) found.set(one.group, [...(found.get(one.group) ?? []), one]);
  return [...found];
}
