// One message: who, when, what, its files and reactions, and what can be done with it.

import { tried } from "./api.js";
import { render } from "./blocks.js";
import { ask, askText } from "./confirm.js";
import { h } from "./dom.js";
import { markdown } from "./markdown.js";
import { emoji, mrkdwn, QUICK } from "./mrkdwn.js";
import { followed, timeOf, typedText } from "./words.js";

export function message(one, context) {
  const name = context.names.of(one.user) ?? one.user;
  const at = new Date(Number(one.ts) * 1000);
  const time = timeOf(at);
  if (one.deleted) return gone(one, context, time);
  const body = one.blocks.length ? render(one.blocks, context) : mrkdwn(one.text, context.names);
  return h(
    "article",
    { class: `message${context.close ? " close" : ""}${one.ephemeral ? " ephemeral" : ""}`, tabindex: "0", "aria-label": `${name}, ${time}`, "data-ts": one.ts },
    h("div", { class: `avatar a${hue(one.user)}`, "aria-hidden": "true" }, context.bot ? "mx" : name.slice(0, 2)),
    h(
      "div",
      { class: "said" },
      one.ephemeral ? h("p", { class: "only" }, "Only visible to you") : null,
      h("header", {}, h("strong", {}, name), context.bot ? h("span", { class: "tag" }, "APP") : null,
        h("time", { datetime: at.toISOString(), title: at.toLocaleString() }, time), one.edited && !context.bot ? h("span", { class: "muted" }, "(edited)") : null),
      h("div", { class: "body" }, body),
      one.attachments.map((each) => attachment(each, context)),
      one.files.map(file),
      reactions(one, context),
      answers(context),
    ),
    one.ephemeral ? null : tools(one, context),
  );
}

// Of a message that was deleted while its thread goes on, people see that it was there.
function gone(one, context, time) {
  return h("article", { class: "message", tabindex: "0", "aria-label": `Deleted message, ${time}`, "data-ts": one.ts },
    h("div", { class: "avatar", "aria-hidden": "true" }, "–"),
    h("div", { class: "said" }, h("p", { class: "muted" }, "This message was deleted."), answers(context)));
}

function answers(context) {
  const count = context.answers.length;
  if (!count || !context.open) return null;
  return h("button", { type: "button", class: "answers", "data-action": "answers", onclick: context.open }, `${count} ${count === 1 ? "reply" : "replies"}`);
}

// The older form of an app's message. Its buttons are of a kind that the simulator does not have.
function attachment(found, context) {
  const text = (words) => (words ? h("div", {}, mrkdwn(words, context.names)) : null);
  const title = found.title_link
    ? h("a", { href: followed(found.title_link), target: "_blank", rel: "noopener noreferrer" }, found.title ?? found.title_link) : found.title;
  return [text(found.pretext), h("div", { class: "attachment" },
    title ? h("strong", {}, title) : null, text(found.text ?? (found.blocks || found.title ? null : found.fallback)),
    found.fields ? h("div", { class: "b-fields" }, found.fields.map((field) => h("div", {}, h("strong", {}, field.title), text(field.value)))) : null,
    found.blocks ? render(found.blocks, context) : null,
    found.footer ? h("p", { class: "muted" }, found.footer) : null)];
}

export function hue(id) {
  return [...id].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 8, 7);
}

function reactions(one, context) {
  if (!one.reactions.length) return null;
  return h("div", { class: "reactions" }, one.reactions.map((each) => {
    const mine = each.users.includes(context.me);
    const who = each.users.map((id) => context.names.of(id) ?? id).join(", ");
    return h("button", {
      type: "button",
      "aria-pressed": String(mine),
      "aria-label": `${each.name}, ${each.users.length}: ${who}`,
      title: who,
      onclick: () => void tried(() => context.does({ do: mine ? "unreact" : "react", name: each.name })),
    }, `${emoji(each.name)} ${each.users.length}`);
  }));
}

function file(found) {
  const address = `/sim/files/${found.id}`;
  if (found.type.startsWith("image/") && found.type !== "image/svg+xml") {
    return h("figure", { class: "file" }, h("a", { href: address, target: "_blank", rel: "noopener" },
      h("img", { src: address, alt: found.title, class: "b-picture", loading: "lazy" })), h("figcaption", {}, found.title));
  }
  const readable = ["text/markdown", "text/plain", "application/json"].includes(found.type);
  const shown = h("div", { class: "preview", hidden: true, tabindex: "0", role: "group", "aria-label": found.title });
  const look = h("button", { type: "button", "aria-expanded": "false", onclick: async () => {
    if (!shown.childElementCount) {
      const text = await (await fetch(address)).text();
      shown.append(...(found.type === "text/markdown" ? markdown(text) : [h("pre", { tabindex: "0" }, text)]));
    }
    shown.hidden = !shown.hidden;
    look.setAttribute("aria-expanded", String(!shown.hidden));
    look.textContent = shown.hidden ? "Read" : "Close";
  } }, "Read");
  return h("div", { class: "file" },
    h("div", { class: "row" }, h("span", {}, found.title), h("span", { class: "muted" }, `${Math.max(1, Math.round(found.size / 1024))} kB`),
      readable ? look : null,
      found.type === "text/html" ? h("a", { class: "button", href: `${address}?page`, target: "_blank", rel: "noopener" }, "Open") : null, h("a", { class: "button", href: address, download: found.name }, "Download")),
    readable ? shown : null);
}

function tools(one, context) {
  const own = one.user === context.me;
  const items = [
    ...QUICK.map((name) => [`React with ${emoji(name)} ${name.replaceAll("_", " ")}`, () => context.does({ do: "react", name })]),
    ["React with another emoji…", async () => {
      const name = await askText("React", "Name of the emoji, without colons", "", "React");
      if (name) await context.does({ do: "react", name: name.replaceAll(":", "") });
    }],
    ...(context.open ? [["Reply in thread", async () => context.open()]] : []),
    ...context.shortcuts.map((each) => [each.name, () => context.does({ do: "shortcut", id: each.id })]),
    ...(own ? [
      ["Edit", async () => {
        const text = await askText("Edit your message", "Message", typedText(one.text, context.names));
        if (text) await context.does({ do: "edit", text });
      }],
      ["Delete", async () => {
        if (await ask("Delete this message?", "It is gone for everybody.", "Delete", "Keep", "danger")) await context.does({ do: "remove" });
      }],
    ] : []),
  ];
  const menu = h("div", { class: "menu", role: "menu", hidden: true });
  const open = h("button", { type: "button", class: "quiet", "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": "What to do with this message", "data-action": "tools" }, "⋯");
  const show = (shown) => {
    menu.hidden = !shown;
    open.setAttribute("aria-expanded", String(shown));
    if (!shown) return;
    if (!menu.childElementCount) {
      menu.append(...items.map(([label, act]) => h("button", { type: "button", role: "menuitem", onclick: () => {
        open.focus();
        show(false);
        void tried(act);
      } }, label)));
    }
    fit(menu, open);
    menu.firstElementChild.focus();
  };
  open.addEventListener("click", () => show(menu.hidden));
  const place = h("div", { class: "tools menu-place" }, open, menu);
  place.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !menu.hidden) {
      show(false);
      open.focus();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || menu.hidden) return;
    event.preventDefault();
    event.stopPropagation();
    const all = [...menu.children];
    all[(all.indexOf(document.activeElement) + step + all.length) % all.length].focus();
  });
  place.addEventListener("focusout", (event) => {
    if (!place.contains(event.relatedTarget)) show(false);
  });
  return place;
}

// Up or down, to whichever side of its button the log has more room, and no higher than that.
function fit(menu, open) {
  const log = (menu.closest(".log") ?? document.body).getBoundingClientRect();
  const at = open.getBoundingClientRect();
  const [above, below] = [at.top - log.top - 8, log.bottom - at.bottom - 8];
  menu.style.maxHeight = "";
  const upwards = below < menu.offsetHeight && above > below;
  menu.classList.toggle("upwards", upwards);
  menu.style.maxHeight = `${Math.max(120, Math.min(menu.offsetHeight, upwards ? above : below))}px`;
}
