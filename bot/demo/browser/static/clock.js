// The simulated time: how fast it runs, and jumps.

import { post, tried } from "./api.js";
import { h } from "./dom.js";
import { utc } from "./words.js";

const SPEEDS = [1, 10, 60];
const JUMPS = [["5 min", 300], ["1 h", 3600], ["8 h", 28800]];

export function mountClock(place, first) {
  const shown = h("time", { class: "now" });
  const turn = (body) => tried(async () => take(await post("/sim/clock", body)));
  const speeds = SPEEDS.map((speed) => h("button", { type: "button", "aria-pressed": "false", "aria-label": `${speed} times the real speed`, onclick: () => void turn({ speed }) }, `${speed}×`));
  let clock = first.clock;
  let heard = performance.now();

  function take(told) {
    clock = told.clock;
    heard = performance.now();
    speeds.forEach((button, index) => button.setAttribute("aria-pressed", String(SPEEDS[index] === clock.speed)));
    tick();
  }

  function tick() {
    const now = new Date(new Date(clock.now).getTime() + (performance.now() - heard) * clock.speed);
    const text = now.toLocaleString(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" })
      + (now.getTimezoneOffset() === 0 ? " UTC" : ` · ${utc(now)}`);
    if (shown.textContent !== text) {
      shown.textContent = text;
      shown.dateTime = now.toISOString();
    }
  }

  place.replaceChildren(
    shown,
    h("div", { class: "group", role: "group", "aria-label": "Speed of the clock" }, speeds),
    h("div", { class: "group", role: "group", "aria-label": "Jump forward" },
      JUMPS.map(([name, jump_s]) => h("button", { type: "button", onclick: () => void turn({ jump_s }) }, `+${name}`))),
  );
  take(first);
  setInterval(tick, 200);
  return take;
}
