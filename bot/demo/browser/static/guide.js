// What to try first: each line ticks itself when it has really happened.

import { h } from "./dom.js";

const HIDDEN = "mx-simulator-guide";
const SEEN = "mx-simulator-guide-seen";

const STEPS = [
  ["Switch on “A job goes wild” on the fault board", (seen) => seen.storm],
  ["Watch MaintainX begin to answer 429", (seen) => seen.limited],
  ["Type /mx triage in #maintainx-incidents", (seen) => seen.card],
  ["Click “Enable emergency rate limit” and confirm its plan", (seen) => seen.lease],
  ["Watch the traffic fall and the 429s stop", (seen) => seen.calm],
  ["Switch the fault off, take the limit back with “Undo”", (seen) => seen.undone],
  ["Type /mx verify, then /mx resolve", (seen) => seen.resolved],
  ["Type /mx report and read what the timeline wrote", (seen) => seen.report],
];

export class Guide {
  constructor(place, again, flight) {
    this.place = place;
    this.flight = flight;
    const kept = JSON.parse(sessionStorage.getItem(SEEN) ?? "{}");
    this.seen = kept.flight === flight ? (kept.seen ?? {}) : {};
    this.drawn = "";
    this.again = h("button", { type: "button", class: "quiet", onclick: () => this.show(true) }, "What to try");
    again.append(this.again);
    this.show(sessionStorage.getItem(HIDDEN) !== "yes");
    this.draw();
  }

  show(shown) {
    sessionStorage.setItem(HIDDEN, shown ? "no" : "yes");
    this.place.hidden = !shown;
    this.again.hidden = shown;
  }

  workspace(now) {
    const messages = now.channels.flatMap((one) => one.messages).filter((one) => one.user === now.app.id && !one.ephemeral);
    const text = messages.map((one) => `${one.text} ${JSON.stringify(one.blocks)}`).join("\n");
    if (/Acknowledge|Triage again/.test(text)) this.seen.card = true;
    if (this.seen.card && /\*Resolved\* by/.test(text)) this.seen.resolved = true;
    if (messages.some((one) => one.files.some((file) => file.name.endsWith(".md")))) this.seen.report = true;
    this.draw();
  }

  world(told) {
    if ("storm" in told.on) this.seen.storm = true;
    const traffic = told.traffic;
    if (traffic) {
      const limited = traffic.answers["429"] ?? 0;
      if (limited > 0.5) this.seen.limited = true;
      if (traffic.leases > 0) this.seen.lease = true;
      if (this.seen.lease && this.seen.limited && limited === 0) this.seen.calm = true;
      if (this.seen.lease && traffic.leases === 0 && !("storm" in told.on)) this.seen.undone = true;
    }
    this.draw();
  }

  draw() {
    const done = STEPS.map(([, happened]) => Boolean(happened(this.seen)));
    const sign = done.join();
    if (sign === this.drawn) return;
    this.drawn = sign;
    sessionStorage.setItem(SEEN, JSON.stringify({ flight: this.flight, seen: this.seen }));
    const next = done.indexOf(false);
    this.place.replaceChildren(
      h("header", { class: "row" }, h("h2", {}, next === -1 ? "You flew one whole outage" : "Try this"),
        h("button", { type: "button", class: "quiet push", "aria-label": "Hide this list", onclick: () => this.show(false) }, "✕")),
      h("ol", {}, STEPS.map(([text], index) => h("li", { class: done[index] ? "done" : index === next ? "next" : "" },
        h("span", { class: "hidden" }, done[index] ? "Done: " : ""), text))),
    );
  }
}
