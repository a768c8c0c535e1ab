// Where people type: Enter sends, "/" offers the app's commands and their verbs, "@" the people.

import { tried } from "./api.js";
import { h, sign } from "./dom.js";

export class Composer {
  constructor(id, commands, send, editLast) {
    this.commands = commands;
    this.send = send;
    this.editLast = editLast;
    this.people = [];
    this.place = null;
    this.drafts = new Map();
    this.at = -1;
    this.list = h("ul", { class: "completions", role: "listbox", id: `${id}-list`, "aria-label": "Suggestions", hidden: true });
    this.field = h("textarea", {
      id, rows: "1", "aria-autocomplete": "list", "aria-controls": `${id}-list`, "aria-haspopup": "listbox", maxlength: "4000",
    });
    this.label = h("label", { for: id, class: "hidden" });
    this.attach = h("input", { type: "file", hidden: true, onchange: () => void this.upload() });
    this.element = h(
      "form",
      {
        class: "composer",
        onsubmit: (event) => {
          event.preventDefault();
          void this.submit();
        },
      },
      this.label, this.field, this.attach,
      h("button", { type: "button", class: "quiet", "aria-label": "Attach a file", onclick: () => this.attach.click() }, sign("clip")),
      h("button", { type: "submit", class: "primary" }, "Send"),
      this.list,
    );
    this.field.addEventListener("input", () => {
      this.grow();
      this.offer();
    });
    this.field.addEventListener("keydown", (event) => this.key(event));
    this.field.addEventListener("blur", () => setTimeout(() => this.close(), 150));
  }

  // Each place (a channel, a thread) keeps the words that were begun there.
  where(now, channel, place, label) {
    if (place !== this.place) {
      this.drafts.set(this.place, this.field.value);
      this.field.value = this.drafts.get(place) ?? "";
      this.place = place;
      this.grow();
      this.close();
    }
    this.people = now.people.filter((one) => channel.members.includes(one.id));
    this.me = now.me;
    this.channel = channel.id;
    this.label.textContent = label;
    this.field.placeholder = label;
  }

  focus() {
    this.field.focus();
  }

  grow() {
    this.field.rows = Math.min(8, this.field.value.split("\n").length);
  }

  offered() {
    const before = this.field.value.slice(0, this.field.selectionStart);
    const verb = /^(\/\w+)\s+(\w*)$/.exec(before);
    if (verb && this.commands[verb[1]]) {
      return this.commands[verb[1]].filter((one) => one.verb.startsWith(verb[2])).map((one) => ({
        text: `${verb[1]} ${one.verb}${one.takes ? " " : ""}`, label: `${verb[1]} ${one.verb}`, takes: one.takes, says: one.says }));
    }
    if (/^\/\w*$/.test(before)) {
      return Object.keys(this.commands).filter((one) => one.startsWith(before)).map((one) => ({ text: `${one} `, label: one, takes: "", says: "the app's command" }));
    }
    const person = /(?:^|\s)@([\w.]*)$/.exec(before);
    if (person) {
      return this.people.filter((one) => one.name.toLowerCase().startsWith(person[1].toLowerCase())).map((one) => ({
        text: `${before.slice(0, before.length - person[1].length)}${one.name.toLowerCase().replaceAll(" ", ".")} `, label: `@${one.name}`, takes: "", says: one.role === "bot" ? "the app" : "" }));
    }
    return [];
  }

  offer() {
    this.found = this.offered();
    this.at = -1;
    this.list.replaceChildren(...this.found.map((one, index) => h(
      "li",
      { role: "option", id: `${this.field.id}-${index}`, "aria-selected": "false", onmousedown: (event) => {
        event.preventDefault();
        this.take(one);
      } },
      h("strong", {}, one.label), one.takes ? h("code", {}, ` ${one.takes}`) : null, one.says ? h("span", {}, one.says) : null)));
    this.list.hidden = !this.found.length;
    this.field.removeAttribute("aria-activedescendant");
  }

  close() {
    this.list.hidden = true;
    this.field.removeAttribute("aria-activedescendant");
  }

  mark(at) {
    this.at = (at + this.found.length) % this.found.length;
    [...this.list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === this.at)));
    this.field.setAttribute("aria-activedescendant", `${this.field.id}-${this.at}`);
    this.list.children[this.at].scrollIntoView({ block: "nearest" });
  }

  take(one) {
    const rest = this.field.value.slice(this.field.selectionStart);
    this.field.value = one.text + rest.trimStart();
    this.field.setSelectionRange(one.text.length, one.text.length);
    this.offer();
    this.field.focus();
  }

  key(event) {
    const open = !this.list.hidden;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      this.mark(this.at + (event.key === "ArrowDown" ? 1 : this.at === -1 ? 0 : -1));
    } else if (open && (event.key === "Tab" || event.key === "Enter") && this.at >= 0) {
      event.preventDefault();
      this.take(this.found[this.at]);
    } else if (open && event.key === "Escape") {
      event.preventDefault();
      this.close();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      void this.submit();
    } else if (event.key === "ArrowUp" && !this.field.value && this.editLast) {
      event.preventDefault();
      void this.editLast();
    }
  }

  async submit() {
    const text = this.field.value.trim();
    if (!text) return;
    const place = this.place;
    this.close();
    this.field.value = "";
    this.grow();
    if (await tried(() => this.send(text))) return;
    if (place !== this.place) this.drafts.set(place, text);
    else if (!this.field.value) this.field.value = text;
  }

  async upload() {
    const [file] = this.attach.files;
    this.attach.value = "";
    if (!file) return;
    const bytes = new Uint8Array(await file.arrayBuffer());
    let text = "";
    for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    await tried(() => this.sendFile?.(file.name, btoa(text)));
  }
}
