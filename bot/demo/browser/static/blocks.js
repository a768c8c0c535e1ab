// Block Kit as elements. A control tells `context` what was pressed or chosen; what that does is not its business.

import { h, newId } from "./dom.js";
import { markdown } from "./markdown.js";
import { dated, emoji, mrkdwn } from "./mrkdwn.js";
import { control, isControl } from "./controls.js";
import { followed } from "./words.js";

export function render(blocks, context) {
  return blocks.map((block) => one(block, context));
}

export function words(object, context) {
  if (!object) return [];
  return object.type === "mrkdwn" ? mrkdwn(object.text, context.names) : [object.text];
}

function one(block, context) {
  switch (block.type) {
    case "header":
      return h("p", { class: "b-header", role: "heading", "aria-level": "3" }, block.text.text);
    case "section":
      return section(block, context);
    case "context":
      return h("div", { class: "b-context" }, block.elements.map((element) => small(element, context)));
    case "divider":
      return h("hr");
    case "actions":
    case "context_actions":
      return h("div", { class: "b-actions" }, block.elements.map((element) => control(block, element, context)));
    case "input":
      return input(block, context);
    case "image":
      return h("figure", { class: "b-image" }, picture(block), block.title ? h("figcaption", {}, block.title.text) : null);
    case "rich_text":
      return h("div", { class: "b-rich" }, block.elements.map((element) => rich(element, context)));
    case "markdown":
      return h("div", { class: "b-markdown" }, markdown(block.text));
    case "table":
      return table(block, context);
    case "alert":
      return h("div", { class: `b-alert ${block.level ?? "default"}` }, words(block.text, context));
    case "video":
      return h("p", {}, h("a", { href: followed(block.title_url), target: "_blank", rel: "noopener noreferrer" }, block.title.text));
    default:
      return h("p", { class: "muted" }, `[${block.type}]`);
  }
}

function section(block, context) {
  const text = h("div", { class: "b-text" }, words(block.text, context));
  if (block.fields) {
    text.append(h("div", { class: "b-fields" }, block.fields.map((field) => h("div", {}, words(field, context)))));
  }
  if (!block.accessory) return text;
  const beside = block.accessory.type === "image" ? picture(block.accessory) : control(block, block.accessory, context);
  return h("div", { class: "b-section" }, text, h("div", { class: "b-beside" }, beside));
}

function small(element, context) {
  if (element.type === "image") return h("img", { class: "b-icon", src: safe(element.image_url), alt: element.alt_text });
  return h("span", {}, words(element, context));
}

// Pictures of the internet are not loaded: the page's policy allows its own alone, so they are shown by their words.
function picture(block) {
  const source = safe(block.image_url);
  return source ? h("img", { src: source, alt: block.alt_text, class: "b-picture" }) : h("span", { class: "b-absent" }, `Picture: ${block.alt_text}`);
}

function safe(address) {
  return address?.startsWith("/") || address?.startsWith("data:image/") ? address : null;
}

function input(block, context) {
  const id = newId("input");
  const error = context.errors?.[block.block_id];
  const grouped = ["checkboxes", "radio_buttons"].includes(block.element.type) || block.element.type.startsWith("multi_");
  const label = [block.label.text, block.optional ? h("span", { class: "muted" }, " (optional)") : null];
  const described = [block.hint ? `${id}-hint` : null, error ? `${id}-error` : null].filter(Boolean).join(" ") || null;
  const field = control(block, block.element, context, { id, described, invalid: Boolean(error), required: !block.optional });
  return h(
    grouped ? "fieldset" : "div",
    { class: `b-input${error ? " wrong" : ""}` },
    grouped ? h("legend", {}, label) : h("label", { for: id }, label),
    field,
    block.hint ? h("p", { class: "hint", id: `${id}-hint` }, block.hint.text) : null,
    error ? h("p", { class: "error", id: `${id}-error` }, error) : null,
  );
}

function rich(element, context) {
  switch (element.type) {
    case "rich_text_preformatted":
      return h("pre", { tabindex: "0" }, element.elements.map((part) => part.text ?? part.url ?? ""));
    case "rich_text_quote":
      return h("blockquote", {}, element.elements.map((part) => piece(part, context)));
    case "rich_text_list":
      return h(
        element.style === "ordered" ? "ol" : "ul",
        {},
        element.elements.map((item) => h("li", {}, item.elements.map((part) => piece(part, context)))),
      );
    default:
      return h("p", {}, element.elements.map((part) => piece(part, context)));
  }
}

function piece(part, context) {
  const style = part.style ?? {};
  let text;
  switch (part.type) {
    case "link":
      return h("a", { href: followed(part.url), target: "_blank", rel: "noopener noreferrer" }, part.text ?? part.url);
    case "user":
      text = h("span", { class: "mention" }, `@${context.names.of(part.user_id) ?? part.user_id}`);
      break;
    case "channel":
      text = h("span", { class: "mention" }, `#${context.names.of(part.channel_id) ?? part.channel_id}`);
      break;
    case "usergroup":
      text = h("span", { class: "mention" }, `@${context.names.of(part.usergroup_id) ?? part.usergroup_id}`);
      break;
    case "date":
      text = dated(part.timestamp, part.format, part.fallback);
      break;
    case "color":
      text = part.value;
      break;
    case "emoji":
      text = part.unicode ? String.fromCodePoint(...part.unicode.split("-").map((code) => parseInt(code, 16))) : emoji(part.name);
      break;
    case "broadcast":
      text = h("span", { class: "mention loud" }, `@${part.range}`);
      break;
    default:
      text = part.text ?? "";
  }
  if (style.code) text = h("code", {}, text);
  if (style.bold) text = h("strong", {}, text);
  if (style.italic) text = h("em", {}, text);
  if (style.strike) text = h("s", {}, text);
  return text;
}

function table(block, context) {
  const cell = (found) => (found.type === "rich_text" ? found.elements.map((element) => rich(element, context)) : [found.text ?? ""]);
  const [head, ...rows] = block.rows;
  return h(
    "div",
    { class: "b-table", tabindex: "0", role: "group", "aria-label": "Table" },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, head.map((each) => h("th", { scope: "col" }, cell(each))))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((each) => h("td", {}, cell(each)))))),
    ),
  );
}

export { isControl };
