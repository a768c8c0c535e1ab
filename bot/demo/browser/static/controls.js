// The controls of Block Kit as the browser's own: buttons, menus, pickers, fields.

import { h, newId } from "./dom.js";
import { tried } from "./api.js";
import { confirmed } from "./confirm.js";
import { many } from "./many.js";

const TYPED = {
  plain_text_input: "text", email_text_input: "email", url_text_input: "url", number_input: "number",
  datepicker: "date", timepicker: "time", datetimepicker: "datetime-local",
};

export function isControl(element) {
  return "action_id" in element;
}

export function control(block, element, context, field = {}) {
  const make = MAKERS[element.type] ?? MAKERS[TYPED[element.type] ? "typed" : ""] ?? unknown;
  return make(block, { ...element, place: place(block, element) }, context, field);
}

// Where a control stands: its action_id is its own only within its block.
export function place(block, element) {
  return `${block.block_id}/${element.action_id}`;
}

// Asks first where the app wants that, then tells; the control stays as it was where the person says no.
async function told(element, context, value) {
  if (element.confirm && !(await confirmed(element.confirm))) return false;
  await context.act(element.place, value);
  return true;
}

function button(_block, element, context) {
  if (element.url) {
    const address = /^https?:/.test(element.url) ? element.url : null;
    return h("a", { class: `button ${element.style ?? ""}`, href: address, target: "_blank", rel: "noopener noreferrer",
      onclick: () => void tried(() => context.act(element.place)) }, element.text.text);
  }
  const made = h("button", {
    type: "button",
    class: element.style ?? "",
    "aria-label": element.accessibility_label,
    "data-action": element.place,
    onclick: async () => {
      made.setAttribute("aria-busy", "true");
      await tried(() => told(element, context));
      made.removeAttribute("aria-busy");
    },
  }, element.text?.text ?? element.action_id);
  return made;
}

function overflow(_block, element, context) {
  const open = h("button", { type: "button", class: "quiet", "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": "More",
    "data-action": element.place }, "⋯");
  const menu = h("div", { class: "menu", role: "menu", hidden: true });
  const close = () => {
    menu.hidden = true;
    open.setAttribute("aria-expanded", "false");
  };
  menu.append(...element.options.map((option) =>
    h("button", { type: "button", role: "menuitem", onclick: () => {
      open.focus();
      close();
      void tried(() => told(element, context, option.value));
    } }, option.text.text)));
  open.addEventListener("click", () => {
    menu.hidden = !menu.hidden;
    open.setAttribute("aria-expanded", String(!menu.hidden));
    if (menu.hidden) return;
    menu.classList.toggle("rightwards", open.getBoundingClientRect().right < menu.offsetWidth + 16);
    menu.firstElementChild?.focus();
  });
  const place = h("span", { class: "menu-place" }, open, menu);
  place.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !menu.hidden) {
      event.stopPropagation();
      close();
      open.focus();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && !menu.hidden) {
      event.preventDefault();
      const items = [...menu.children];
      items[(items.indexOf(document.activeElement) + step + items.length) % items.length].focus();
    }
  });
  place.addEventListener("focusout", (event) => {
    if (!place.contains(event.relatedTarget)) close();
  });
  return place;
}

function choices(element, context) {
  const type = element.type.replace(/^multi_/, "");
  if (type === "users_select") return [{ options: context.people.map(([id, name]) => ({ value: id, text: `@${name}` })) }];
  if (type === "channels_select" || type === "conversations_select") {
    return [{ options: context.channels.map(([id, name]) => ({ value: id, text: `#${name}` })) }];
  }
  const shown = (option) => ({ value: option.value, text: option.text.text, says: option.description?.text });
  if (element.option_groups) return element.option_groups.map((group) => ({ label: group.label.text, options: group.options.map(shown) }));
  return [{ options: (element.options ?? []).map(shown) }];
}

// What is chosen of a value object: one value or a list of them.
function held(element, context, block) {
  const value = context.value(block.block_id, element.action_id) ?? initial(element);
  if (!value) return element.type.startsWith("multi_") || element.type === "checkboxes" ? [] : "";
  if ("draft" in value) return element.type === "datetimepicker" && value.draft ? local(Number(value.draft)) : value.draft;
  if (value.selected_options) return value.selected_options.map((option) => option.value);
  if ("selected_option" in value) return value.selected_option?.value ?? "";
  for (const name of ["selected_users", "selected_channels", "selected_conversations"]) if (value[name]) return value[name];
  for (const name of ["selected_user", "selected_channel", "selected_conversation", "selected_date", "selected_time"]) {
    if (name in value) return value[name] ?? "";
  }
  if ("selected_date_time" in value) return value.selected_date_time ? local(value.selected_date_time) : "";
  return value.value ?? "";
}

function initial(element) {
  const name = Object.keys(element).find((key) => key.startsWith("initial_"));
  if (!name) return null;
  const given = element[name];
  const key = {
    initial_option: "selected_option", initial_options: "selected_options", initial_user: "selected_user",
    initial_users: "selected_users", initial_channel: "selected_channel", initial_channels: "selected_channels",
    initial_conversation: "selected_conversation", initial_conversations: "selected_conversations",
    initial_date: "selected_date", initial_time: "selected_time", initial_date_time: "selected_date_time",
  }[name];
  return key ? { [key]: given } : { value: given };
}

function local(seconds) {
  const when = new Date(seconds * 1000);
  return new Date(when.getTime() - when.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

function described(field) {
  return {
    id: field.id,
    "aria-describedby": field.described,
    "aria-invalid": field.invalid ? "true" : null,
    "aria-required": field.required ? "true" : null,
  };
}

function labelled(element, field) {
  return field.id ? {} : { "aria-label": element.placeholder?.text ?? "Choose" };
}

function select(block, element, context, field) {
  const now = held(element, context, block);
  const options = choices(element, context).map((group) => {
    const made = group.options.map((option) =>
      h("option", { value: option.value, selected: option.value === now }, option.says ? `${option.text}: ${option.says}` : option.text));
    return group.label ? h("optgroup", { label: group.label }, made) : made;
  });
  const empty = h("option", { value: "", selected: !now, disabled: Boolean(now) }, element.placeholder?.text ?? "Choose…");
  const made = h("select", { "data-action": element.place, ...described(field), ...labelled(element, field) }, empty, options);
  made.addEventListener("change", async () => {
    const done = await tried(() => told(element, context, made.value));
    if (!done) made.value = now;
  });
  return made;
}

function several(block, element, context, field) {
  const external = element.type === "multi_external_select";
  const groups = external ? [] : choices(element, context);
  const known = new Map(groups.flatMap((group) => group.options).map((option) => [option.value, option]));
  const given = (context.value(block.block_id, element.action_id) ?? initial(element))?.selected_options ?? [];
  for (const option of given) known.set(option.value, { value: option.value, text: option.text.text });
  return many(element, field, {
    groups,
    chosen: held(element, context, block).map((value) => known.get(value) ?? { value, text: value }),
    tell: (values) => tried(() => told(element, context, values)),
    search: external ? async (query) => (await tried(() => context.suggest(element.place, query)))?.map((option) => ({
      value: option.value, text: option.text.text, says: option.description?.text })) : null,
    least: element.min_query_length ?? 3,
  });
}

function external(block, element, context, field) {
  const list = newId("list");
  const made = h("input", { type: "text", list, autocomplete: "off", "data-action": element.place, ...described(field),
    ...labelled(element, field), placeholder: element.placeholder?.text });
  const options = h("datalist", { id: list });
  let known = new Map();
  let turn = 0;
  made.addEventListener("input", async () => {
    const value = known.get(made.value);
    if (value !== undefined) {
      await tried(() => told(element, context, value));
      return;
    }
    if (made.value.length < (element.min_query_length ?? 3)) return;
    turn += 1;
    const mine = turn;
    const found = await tried(() => context.suggest(element.place, made.value));
    if (!found || mine !== turn) return;
    known = new Map(found.map((option) => [option.text.text, option.value]));
    options.replaceChildren(...found.map((option) => h("option", { value: option.text.text })));
  });
  const now = context.value(block.block_id, element.action_id) ?? initial(element);
  made.value = now?.selected_option?.text.text ?? "";
  return h("span", {}, made, options);
}

function picks(block, element, context, field) {
  const several = element.type === "checkboxes";
  const name = newId("picks");
  const chosen = new Set([held(element, context, block)].flat());
  const made = h("div", { class: "picks", role: field.id ? null : several ? "group" : "radiogroup", "aria-label": field.id ? null : "Choose",
    id: field.id, "data-action": element.place });
  made.append(...element.options.map((option) => {
    const box = h("input", { type: several ? "checkbox" : "radio", name, value: option.value, checked: chosen.has(option.value),
      "aria-describedby": field.described });
    return h("label", {}, box, h("span", {}, option.text.text.replaceAll(/[*_~`]/g, ""),
      option.description ? h("small", {}, option.description.text) : null));
  }));
  made.addEventListener("change", () => {
    const values = [...made.querySelectorAll("input:checked")].map((box) => box.value);
    void tried(() => told(element, context, several ? values : values[0]));
  });
  return made;
}

function typed(block, element, context, field) {
  const attributes = {
    ...described(field),
    ...labelled(element, field),
    "data-action": element.place,
    placeholder: element.placeholder?.text,
    maxlength: element.max_length,
    min: element.min_value,
    max: element.max_value,
    step: element.type === "number_input" && element.is_decimal_allowed ? "any" : null,
  };
  const made = element.multiline ? h("textarea", { rows: "5", ...attributes }) : h("input", { type: TYPED[element.type], ...attributes });
  made.value = held(element, context, block);
  const value = () => (element.type === "datetimepicker" && made.value ? String(Math.floor(new Date(made.value).getTime() / 1000)) : made.value);
  made.addEventListener("input", () => context.draft?.(block.block_id, element.action_id, value()));
  made.addEventListener("change", () => {
    if (made.value) void tried(() => told(element, context, value()));
  });
  return made;
}

function unknown(_block, element) {
  return h("span", { class: "muted" }, `[${element.type}]`);
}

const MAKERS = {
  button, overflow, typed,
  static_select: select, users_select: select, channels_select: select, conversations_select: select,
  multi_static_select: several, multi_users_select: several, multi_channels_select: several,
  multi_conversations_select: several, multi_external_select: several,
  external_select: external,
  radio_buttons: picks, checkboxes: picks,
};
