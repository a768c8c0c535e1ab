// What passes the gateway now: a moving picture of the last two minutes, and the figures of this moment.

import { post, tried } from "./api.js";
import { h, svg } from "./dom.js";

const KEEP = 120;
const WIDTH = 360;
const HEIGHT = 110;
const DEPTH = 46;
const KINDS = [
  ["2xx", "answered", (traffic) => sum(traffic.answers, (code) => code.startsWith("2"))],
  ["429", "over the limit", (traffic) => traffic.answers["429"] ?? 0],
  ["5xx", "server errors", (traffic) => sum(traffic.answers, (code) => code.startsWith("5"))],
  ["other", "other refusals", (traffic) => sum(traffic.answers, (code) => !/^(2|5|429)/.test(code))],
  ["held", "held back here", (traffic) => sum(traffic.held) + sum(traffic.refused)],
  ["lost", "no answer", (traffic) => sum(traffic.failed)],
];
const MODES = { pass: "passing everything", limited: "limited", buffering: "buffering writes", draining: "writes wait for their replay" };

function sum(counts, wanted = () => true) {
  return Object.entries(counts ?? {}).reduce((total, [name, count]) => total + (wanted(name) ? count : 0), 0);
}

export function mountTraffic(place, first) {
  const history = [];
  const depths = [];
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img", "aria-labelledby": "chart-title" });
  const depth = svg("svg", { viewBox: `0 0 ${WIDTH} ${DEPTH}`, class: "chart", role: "img", "aria-labelledby": "depth-title" });
  const mode = h("p", { class: "mode" });
  const legend = h("dl", { class: "legend" });
  const lanes = h("dl", { class: "lanes" });
  const facts = h("dl", { class: "facts" });
  const processes = h("div", { class: "processes" });
  let drawn = "";

  place.replaceChildren(
    h("header", { class: "row" }, h("h2", {}, "Traffic through the gateway"), h("span", { class: "muted push" }, "per second")),
    mode, picture, legend, h("h3", {}, "Writes in the buffer"), depth, h("div", { class: "columns" }, h("div", {}, h("h3", {}, "By lane"), lanes), h("div", {}, h("h3", {}, "Waiting"), facts)),
    h("h3", {}, "mx's own processes"), processes,
  );

  function take(told) {
    const now = told.traffic ? KINDS.map(([, , count]) => count(told.traffic)) : null;
    history.push(now);
    if (history.length > KEEP) history.shift();
    const text = now ? KINDS.map(([name], at) => `${name} ${now[at].toFixed(1)}`).join(", ") : "the gateway does not answer";
    draw(picture, history, text);
    const { waiting, sending } = told.traffic?.buffer ?? {};
    depths.push(told.traffic ? waiting + sending : null);
    if (depths.length > KEEP) depths.shift();
    drawDepth(depth, depths);
    mode.textContent = told.traffic ? `Gateway: ${MODES[told.traffic.mode] ?? told.traffic.mode}${told.traffic.circuit === "closed" ? "" : `; MaintainX fails (circuit ${told.traffic.circuit})`}` : "The gateway does not answer";
    mode.className = `mode ${!told.traffic ? "gone" : told.traffic.circuit === "open" && told.traffic.mode === "pass" ? "failing" : told.traffic.mode}`;
    legend.replaceChildren(...KINDS.flatMap(([name, says], at) => [
      h("dt", { class: `k-${name}` }, name, h("small", {}, ` ${says}`)), h("dd", {}, now ? now[at].toFixed(1) : "–")]));
    if (told.traffic) {
      lanes.replaceChildren(...Object.entries(told.traffic.lanes).flatMap(([name, counts]) => [h("dt", {}, name), h("dd", {}, sum(counts).toFixed(1))]),
        h("dt", { class: "total" }, "MaintainX receives"), h("dd", { class: "total" }, told.traffic.received.toFixed(1)));
      facts.replaceChildren(
        h("dt", {}, "writes buffered"), h("dd", {}, String(told.traffic.buffer.waiting)),
        h("dt", {}, "requests in the queue"), h("dd", {}, String(told.traffic.waiting)),
        h("dt", {}, "leases on"), h("dd", {}, String(told.traffic.leases)),
      );
    }
    const sign = JSON.stringify(told.processes);
    if (sign !== drawn) {
      drawn = sign;
      processes.replaceChildren(...Object.entries(told.processes).map(([name, state]) => one(name, state)));
    }
  }

  function one(name, state) {
    const act = (action) => h("button", { type: "button", onclick: () => void tried(async () => take({ traffic: null, ...(await post("/sim/process", { name, action })) })) }, `${action[0].toUpperCase()}${action.slice(1)}`);
    const runs = state === "running" || state === "starting";
    return h("div", { class: "row process" }, h("strong", {}, name), h("span", { class: `state ${state}` }, state === "fell" ? "ended by itself" : state),
      h("span", { class: "row push" }, name === "integration" ? [act("restart")] : runs ? [act("restart"), act("kill")] : [act("start")]));
  }

  take({ traffic: null, ...first });
  return take;
}

function draw(picture, history, text) {
  const most = Math.max(2, ...history.filter(Boolean).map((now) => now.reduce((total, one) => total + one, 0)));
  const step = WIDTH / (KEEP - 1);
  const x = (at) => (KEEP - history.length + at) * step;
  const y = (value) => HEIGHT - 14 - (value / most) * (HEIGHT - 24);
  const layers = [];
  const floor = history.map(() => 0);
  KINDS.forEach(([name], kind) => {
    if (!history.some((now) => now && now[kind] > 0)) return;
    const top = history.map((now, at) => floor[at] + (now ? now[kind] : 0));
    const points = [
      ...top.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`),
      ...floor.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).reverse(),
    ];
    layers.push(svg("polygon", { class: `k-${name}`, points: points.join(" ") }));
    top.forEach((value, at) => (floor[at] = value));
  });
  const title = svg("title", { id: "chart-title" }, `Requests per second over the last two minutes. Now: ${text}`);
  picture.replaceChildren(
    title,
    svg("line", { class: "axis", x1: 0, x2: WIDTH, y1: y(0), y2: y(0) }),
    svg("line", { class: "grid", x1: 0, x2: WIDTH, y1: y(most), y2: y(most) }),
    ...layers,
    svg("text", { x: 2, y: y(most) - 2, class: "tick" }, most.toFixed(most < 10 ? 1 : 0)),
    svg("text", { x: 2, y: HEIGHT - 3, class: "tick" }, "2 min ago"),
    svg("text", { x: WIDTH - 2, y: HEIGHT - 3, class: "tick end" }, "now"),
  );
}

function drawDepth(picture, depths) {
  const most = Math.max(1, ...depths);
  const step = WIDTH / (KEEP - 1);
  const y = (value) => DEPTH - 4 - (value / most) * (DEPTH - 18);
  const points = depths.map((value, at) => `${((KEEP - depths.length + at) * step).toFixed(1)},${y(value ?? 0).toFixed(1)}`);
  const first = ((KEEP - depths.length) * step).toFixed(1);
  const now = depths.at(-1);
  picture.replaceChildren(
    svg("title", { id: "depth-title" }, `Writes in the gateway's buffer over the last two minutes, at most ${most}. Now: ${now ?? "the gateway does not answer"}`),
    svg("line", { class: "axis", x1: 0, x2: WIDTH, y1: y(0), y2: y(0) }),
    svg("line", { class: "grid", x1: 0, x2: WIDTH, y1: y(most), y2: y(most) }),
    svg("polygon", { class: "k-held", points: `${first},${y(0)} ${points.join(" ")} ${WIDTH},${y(0)}` }),
    svg("text", { x: 2, y: y(most) - 2, class: "tick" }, String(most)),
  );
}
