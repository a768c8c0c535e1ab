// The left half: channels, messages, threads, the composer and App Home, as one person sees them.

import { post, toast, tried } from "./api.js";
import { render } from "./blocks.js";
import { Composer } from "./composer.js";
import { askText } from "./confirm.js";
import { h, keyed } from "./dom.js";
import { Modals, red } from "./modal.js";
import { message } from "./messages.js";
import { markdown } from "./markdown.js";
import { dayOf, longDay, typedText } from "./words.js";

export class Workspace {
  constructor(place, about, { onPerson }) {
    this.about = about;
    this.onPerson = onPerson;
    this.now = null;
    this.channel = null;
    this.thread = null;
    this.seen = new Map();
    this.modals = new Modals(document.getElementById("modals"), () => this.context());
    this.build(place);
  }

  build(place) {
    this.person = h("select", { id: "person", onchange: () => this.onPerson(this.person.value) });
    this.list = h("ul", { class: "channels" });
    this.head = h("header", { class: "pane-head" });
    this.log = h("div", { class: "log", role: "log", "aria-label": "Messages", tabindex: "0" });
    this.composer = new Composer("composer", this.about.commands, (text) => this.send(text, null), () => this.editLast());
    this.threadHead = h("header", { class: "pane-head" });
    this.threadLog = h("div", { class: "log", role: "log", "aria-label": "Thread", tabindex: "0" });
    this.reply = new Composer("reply", this.about.commands, (text) => this.send(text, this.thread), null);
    this.pane = h("section", { class: "pane main-pane", "aria-label": "Channel" }, this.head, this.log, newer(this.log), this.composer.element);
    this.side = h("section", { class: "pane thread-pane", "aria-label": "Thread", hidden: true }, this.threadHead, this.threadLog, newer(this.threadLog), this.reply.element);
    place.replaceChildren(
      h(
        "nav",
        { class: "rail", "aria-label": "Channels" },
        h("label", { for: "person" }, "Acting as"),
        h("div", { class: "row" }, this.person,
          h("button", { type: "button", class: "quiet", title: "Add a person", "aria-label": "Add a person", onclick: () => void this.invite() }, "+")),
        this.list,
      ),
      this.pane,
      this.side,
    );
    this.composer.sendFile = (name, content) => this.act({ do: "attach", channel: this.channel, name, content });
    this.reply.sendFile = (name, content) => this.act({ do: "attach", channel: this.channel, thread: this.thread, name, content });
    for (const log of [this.log, this.threadLog]) {
      log.addEventListener("keydown", (event) => walk(event, log));
      // What was kept back while a menu was open is drawn once it is closed.
      const later = () => setTimeout(() => this.now && this.draw());
      log.addEventListener("toggle", later, true);
      log.addEventListener("focusout", later);
      log.addEventListener("scroll", () => { if (atEnd(log)) log.nextElementSibling.hidden = true; });
    }
  }

  // What the workspace looks like now.
  show(now) {
    const first = this.now?.me !== now.me;
    this.now = now;
    if (!now.channels.some((one) => one.id === this.channel) && this.channel !== "home") this.channel = now.channels[0]?.id ?? "home";
    this.names = new Map([
      ...now.people.map((one) => [one.id, one.name]),
      ...now.channels.map((one) => [one.id, one.name]),
      ...now.groups.map((one) => [one.id, one.handle]),
    ]);
    this.rail();
    this.draw(first);
    this.modals.show(now.views, now.me);
  }

  context() {
    return {
      names: { of: (id) => this.names.get(id) },
      people: this.now.people.filter((one) => one.role !== "bot").map((one) => [one.id, one.name]),
      channels: this.now.channels.filter((one) => !one.direct).map((one) => [one.id, one.name]),
    };
  }

  rail() {
    const people = this.now.people.filter((one) => one.role !== "bot");
    keyed(this.person, people.map((one) => ({ key: one.id, sign: one.name, make: () => h("option", { value: one.id }, one.name) })));
    this.person.value = this.now.me;
    const rows = this.now.channels.map((one) => ({ id: one.id, label: one.name, mark: one.direct ? "@" : one.private ? "◆" : "#", latest: one.messages.at(-1)?.ts ?? "" }));
    if (this.now.home_tab) rows.push({ id: "home", label: `${this.now.app.name} home`, mark: "⌂", latest: "" });
    for (const row of rows) if (!this.seen.has(row.id) || row.id === this.channel) this.seen.set(row.id, row.latest);
    keyed(this.list, rows.map((row) => {
      const current = row.id === this.channel;
      const unread = !current && row.latest > this.seen.get(row.id);
      return {
        key: row.id,
        sign: `${row.label} ${current} ${unread}`,
        make: () => h("li", {}, h("button", {
          type: "button",
          class: unread ? "unread" : "",
          "aria-current": current ? "true" : null,
          onclick: () => this.go(row.id),
        }, h("span", { "aria-hidden": "true" }, row.mark), ` ${row.label}`, unread ? h("span", { class: "hidden" }, " (new)") : null)),
      };
    }));
  }

  go(id) {
    this.channel = id;
    this.thread = null;
    if (id === "home") void tried(() => this.act({ do: "open_home" }));
    this.rail();
    this.draw(true);
    if (id !== "home") this.composer.focus();
  }

  draw(jump = false) {
    if (this.channel === "home") {
      this.home();
      return;
    }
    const channel = this.now.channels.find((one) => one.id === this.channel);
    this.pane.classList.remove("is-home");
    this.composer.element.hidden = false;
    this.log.setAttribute("role", "log");
    this.composer.where(this.now, channel, channel.id, `Message ${channel.direct ? "" : "#"}${channel.name}`);
    keyed(this.head, [{
      key: channel.id,
      sign: JSON.stringify([channel.name, channel.members, channel.canvases, this.now.people.length]),
      make: () => this.heading(channel),
    }]);
    const top = channel.messages.filter((one) => !one.thread || one.thread === one.ts || one.broadcast);
    const replies = Map.groupBy ? Map.groupBy(channel.messages, (one) => one.thread ?? "") : group(channel.messages);
    this.fill(this.log, top, channel, (one) => (replies.get(one.ts) ?? []).filter((each) => each.ts !== one.ts), jump);
    this.drawThread(channel, jump);
  }

  heading(channel) {
    const absent = !channel.members.includes(this.now.app.id);
    const others = channel.members.filter((id) => id !== this.now.app.id).length;
    return h("div", { class: "row" },
      h("h2", {}, `${channel.direct ? "" : "#"}${channel.name}`),
      h("span", { class: "muted" }, channel.direct ? "direct messages with the app" : `${others} ${others === 1 ? "person" : "people"}`),
      channel.canvases.map((one) => h("button", { type: "button", class: "quiet", onclick: () => canvas(one) }, `Canvas: ${one.title || "untitled"}`)),
      absent ? h("button", { type: "button", onclick: () => void tried(() => this.act({ do: "invite_app", channel: channel.id })) }, `Invite @${this.now.app.name}`) : null,
      this.now.shortcuts.filter((one) => one.kind === "global").map((one) =>
        h("button", { type: "button", class: "quiet", onclick: () => void tried(() => this.act({ do: "global_shortcut", id: one.id })) }, one.name)));
  }

  fill(log, messages, channel, answers, jump) {
    const low = atEnd(log);
    const before = log.dataset.latest;
    log.dataset.latest = messages.at(-1)?.ts ?? "";
    keyed(log, messages.flatMap((one, at) => {
      const found = answers(one);
      const day = dayOf(one.ts);
      const begins = at === 0 || day !== dayOf(messages[at - 1].ts);
      const close = !begins && !one.deleted && !messages[at - 1].deleted && messages[at - 1].user === one.user && !one.ephemeral && !messages[at - 1].ephemeral && Number(one.ts) - Number(messages[at - 1].ts) < 120;
      const rows = begins ? [{ key: `day of ${one.ts}`, sign: day, make: () => h("p", { class: "day" }, h("time", { datetime: day }, longDay(one.ts))) }] : [];
      return [...rows, {
        key: one.ts,
        sign: JSON.stringify([one, found.length, close, this.now.me, this.names.get(one.user)]),
        make: () => message(one, {
          ...this.context(),
          me: this.now.me,
          app: this.now.app,
          bot: one.user === this.now.app.id,
          close,
          answers: found,
          shortcuts: this.now.shortcuts.filter((each) => each.kind === "message"),
          value: (block, action) => one.chosen[block]?.[action],
          open: log === this.log ? () => this.openThread(one.ts) : null,
          does: (act) => this.act({ channel: channel.id, ts: one.ts, ...act }),
          act: (action, value) => this.act({ channel: channel.id, ts: one.ts, action, ...(value === undefined ? { do: "click", version: one.version } : { do: "choose", value }) }),
          suggest: async (action, query) => (await this.act({ do: "suggest", channel: channel.id, ts: one.ts, action, query })).options,
        }),
      }];
    }));
    if (!messages.length) log.append(nothing(Object.keys(this.about.commands)));
    if (jump || low) toEnd(log);
    else if (log.dataset.latest > before) log.nextElementSibling.hidden = false;
  }

  openThread(ts) {
    this.thread = ts;
    this.draw();
    this.threadLog.scrollTop = this.threadLog.scrollHeight;
    this.reply.focus();
  }

  drawThread(channel, jump) {
    const first = channel.messages.find((one) => one.ts === this.thread);
    this.side.hidden = !first;
    this.pane.parentElement.classList.toggle("with-thread", Boolean(first));
    if (!first) return;
    this.reply.where(this.now, channel, first.ts, "Reply in thread");
    keyed(this.threadHead, [{ key: first.ts, sign: first.ts, make: () => h("div", { class: "row" }, h("h2", {}, "Thread"),
      h("button", { type: "button", class: "quiet push", "aria-label": "Close the thread", onclick: () => this.closeThread() }, "✕")) }]);
    this.fill(this.threadLog, channel.messages.filter((one) => one.ts === first.ts || one.thread === first.ts), channel, () => [], jump);
  }

  closeThread() {
    this.thread = null;
    this.draw();
    this.composer.focus();
  }

  home() {
    this.thread = null;
    this.side.hidden = true;
    this.pane.parentElement.classList.remove("with-thread");
    this.composer.element.hidden = true;
    this.log.nextElementSibling.hidden = true;
    this.pane.classList.add("is-home");
    this.log.setAttribute("role", "region");
    const view = this.now.home;
    keyed(this.head, [{ key: "home", sign: "home", make: () => h("div", { class: "row" }, h("h2", {}, `${this.now.app.name} home`)) }]);
    const context = {
      ...this.context(),
      value: (block, action) => view?.state.values[block]?.[action],
      act: (action, value) => this.act({ action, ...(value === undefined ? { do: "click_home" } : { do: "choose_home", value }) }),
      suggest: async (action, query) => (await this.act({ do: "suggest", action, query })).options,
    };
    keyed(this.log, [{
      key: "home",
      sign: view ? `${view.hash}` : "none",
      make: () => h("div", { class: "home" }, view ? render(view.blocks, context) : h("p", { class: "muted" }, "The app has published nothing here yet.")),
    }]);
  }

  // Carry out an act as the person who is acted as; Slack's red words are shown.
  async act(act) {
    const done = await post("/sim/act", { as: this.now.me, ...act });
    if (done.error) toast(act.do === "command" ? done.error : red(done.error));
    return done;
  }

  async send(text, thread) {
    toEnd(thread ? this.threadLog : this.log); // what comes of it is to be seen
    const command = /^(\/\S+)\s*([\s\S]*)$/.exec(text);
    if (!command) {
      return !(await this.act({ do: "say", channel: this.channel, text, thread })).error;
    }
    if (thread) {
      throw new Error("Slash commands do not work in threads. Mention the app instead, or type it in the channel.");
    }
    const done = await this.act({ do: "command", channel: this.channel, name: command[1], text: command[2] });
    return !done.error;
  }

  async editLast() {
    const channel = this.now.channels.find((one) => one.id === this.channel);
    const own = channel?.messages.findLast((one) => one.user === this.now.me && !one.ephemeral);
    if (!own) return;
    const text = await askText("Edit your message", "Message", typedText(own.text, this.context().names));
    if (text) await tried(() => this.act({ do: "edit", channel: channel.id, ts: own.ts, text }));
  }

  async invite() {
    const name = await askText("Add a person to this channel", "First name", "", "Add");
    if (!name) return;
    const done = await tried(() => this.act({ do: "invite", channel: this.channel === "home" ? this.now.channels[0].id : this.channel, name }));
    if (done?.id) this.onPerson(done.id);
  }
}

function atEnd(log) {
  return log.scrollHeight - log.scrollTop - log.clientHeight < 80;
}

function toEnd(log) {
  log.scrollTop = log.scrollHeight;
  log.nextElementSibling.hidden = true;
}

// Tells that something came below what is seen.
function newer(log) {
  return h("button", { type: "button", class: "newer", hidden: true, onclick: () => toEnd(log) }, "New messages ↓");
}

function nothing(commands) {
  return h("div", { class: "empty" }, h("p", {}, "Nothing has been said here yet."),
    commands.length ? h("p", {}, "Type ", h("code", {}, commands[0]), " below: what can follow is offered as you type.") : null);
}

function canvas(found) {
  const box = h("dialog", { class: "modal", "aria-label": found.title || "Canvas" },
    h("header", { class: "dialog-head" }, h("h2", {}, found.title || "Canvas"),
      h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: () => box.close() }, "✕")),
    h("div", { class: "dialog-body b-markdown", tabindex: "0" }, markdown(found.markdown)));
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
}

function walk(event, log) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const own = event.target === log || event.target.matches("article");
  if (!step || !own) return;
  event.preventDefault();
  const all = [...log.querySelectorAll("article")];
  const at = all.indexOf(event.target);
  const next = at === -1 ? (step > 0 ? 0 : all.length - 1) : at + step;
  all[Math.max(0, Math.min(all.length - 1, next))]?.focus();
}

function group(messages) {
  const found = new Map();
  for (const one of messages) found.set(one.thread ?? "", [...(found.get(one.thread ?? "") ?? []), one]);
  return found;
}
