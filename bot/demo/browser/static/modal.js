// The modals that an app opened for this person: the one on top can be used, as in Slack.

import { post, toast, tried } from "./api.js";
import { render } from "./blocks.js";
import { place } from "./controls.js";
import { h, remembered } from "./dom.js";

export class Modals {
  constructor(place, context) {
    this.place = place;
    this.context = context;
    this.box = null;
    this.shown = "";
    this.errors = {};
    this.drafts = new Map();
  }

  // Show this stack of views, as the workspace has it now.
  show(views, me) {
    const top = views.at(-1);
    if (!top) {
      this.close();
      return;
    }
    this.view = top;  // what was chosen in it meanwhile, too
    const sign = `${top.id} ${top.hash} ${views.length}`;
    if (sign === this.shown) return;
    if (this.id !== top.id) this.errors = {};
    this.id = top.id;
    this.shown = sign;
    this.draw(top, views.length, me);
  }

  close() {
    this.shown = "";
    this.id = null;
    if (!this.box) return;
    this.box.close();
    this.box.remove();
    this.box = null;
    this.back();
  }

  draw(view, depth, me) {
    const before = document.activeElement?.dataset?.action;
    const drafts = this.drafts.get(view.id) ?? new Map();
    this.drafts = new Map([[view.id, drafts]]);
    const context = {
      ...this.context(),
      errors: this.errors,
      value: (block, action) => (drafts.has(`${block} ${action}`) ? { draft: drafts.get(`${block} ${action}`) } : this.view.state.values[block]?.[action]),
      draft: (block, action, value) => drafts.set(`${block} ${action}`, value),
      act: async (action, value) => {
        const done = await post("/sim/act", value === undefined
          ? { as: me, do: "click_view", view: view.id, action }
          : { as: me, do: "choose_view", view: view.id, action, value });
        if (done.error) toast(red(done.error));
      },
      suggest: async (action, query) => (await post("/sim/act", { as: me, do: "suggest", view: view.id, action, query })).options,
    };
    const send = h("button", { type: "submit", class: "primary" }, view.submit?.text ?? "Submit");
    const leave = () => void tried(() => post("/sim/act", { as: me, do: "close", view: view.id }));
    const form = h(
      "form",
      {
        novalidate: true,
        onsubmit: (event) => {
          event.preventDefault();
          void this.send(view, form, send, me, depth);
        },
      },
      h(
        "header",
        { class: "dialog-head" },
        h("h2", { id: "modal-title" }, view.title.text),
        depth > 1 ? h("span", { class: "muted" }, `on top of ${depth - 1} more`) : null,
        h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: leave }, "✕"),
      ),
      h("div", { class: "dialog-body", tabindex: "-1" }, render(view.blocks, context)),
      h(
        "footer",
        { class: "dialog-foot" },
        h("button", { type: "button", onclick: leave }, view.close?.text ?? (depth > 1 ? "Back" : "Close")),
        view.submit ? send : null,
      ),
    );
    const fresh = !this.box;
    if (fresh) {
      this.back = remembered();
      this.box = h("dialog", { class: "modal", "aria-labelledby": "modal-title" });
      this.place.append(this.box);
    }
    this.box.oncancel = (event) => {
      event.preventDefault();
      leave();
    };
    this.box.replaceChildren(form);
    if (fresh) this.box.showModal();
    const target = [...form.querySelectorAll("[data-action]")].find((element) => element.dataset.action === before)
      ?? form.querySelector("[aria-invalid=true], .dialog-body input, .dialog-body textarea, .dialog-body select")
      ?? (view.submit ? send : form.querySelector(".dialog-body"));
    target?.focus();
  }

  async send(view, form, button, me, depth) {
    const values = {};
    for (const block of view.blocks) {
      if (block.type !== "input") continue;
      const field = [...form.querySelectorAll("[data-action]")].find((each) => each.dataset.action === place(block, block.element));
      if (!field) continue;
      const value = read(field, block.element);
      if (value === null) continue;
      values[place(block, block.element)] = value;
      this.drafts.get(view.id)?.set(`${block.block_id} ${block.element.action_id}`, value);
    }
    button.setAttribute("aria-busy", "true");
    const done = await tried(() => post("/sim/act", { as: me, do: "submit", view: view.id, values }));
    button.removeAttribute("aria-busy");
    if (!done) return;
    this.errors = done.errors ?? {};
    if (done.error) toast(red(done.error));
    if (Object.keys(this.errors).length && this.id === view.id) this.draw(view, depth, me);
  }
}

function read(field, element) {
  if (["checkboxes", "radio_buttons"].includes(element.type)) {
    const values = [...field.querySelectorAll("input:checked")].map((box) => box.value);
    return element.type === "checkboxes" ? values : (values[0] ?? null);
  }
  if (element.type.startsWith("multi_")) return JSON.parse(field.dataset.values);
  if (element.type === "external_select") return null;
  if (element.type === "datetimepicker") return field.value ? String(Math.floor(new Date(field.value).getTime() / 1000)) : null;
  const text = element.type === "plain_text_input" || element.type.endsWith("_input");
  return field.value || (text ? "" : null);
}

// What Slack shows where an app did not answer as it should.
export function red(error) {
  if (error === "operation_timeout") return "The app did not answer within 3 seconds (operation_timeout). Try it again.";
  if (error === "dispatch_failed") return "The app could not be reached (dispatch_failed). Is it running?";
  return `The app's answer was not accepted: ${error}`;
}
