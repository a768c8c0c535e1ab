// Keeps an incident's page true: news by server-sent events, filters in the address, and how far away a time is.
// Without it the page is complete, and the filters work by style alone.

const page = document.getElementById("page");
const above = document.getElementById("above");
const picture = document.getElementById("picture");
const list = document.getElementById("lines");
const filters = document.getElementById("filters");
const live = document.getElementById("live");
const liveSays = document.getElementById("live-says");
const boxes = [...filters.querySelectorAll("input")];
const address = `${page.dataset.incident}/events`;
const LONGEST_WAIT_MS = 15000;

let seen = page.dataset.seq;
let ahead = Date.parse(page.dataset.now) - Date.now();
let stream = null;
let waitMs = 1000;
let again = 0;

/* ---- filters ---- */

function restore() {
  const found = /^#show=([a-z,]*)$/.exec(location.hash);
  if (!found) return;
  const wanted = new Set(found[1].split(","));
  for (const box of boxes) box.checked = wanted.has(box.value);
}

function remember() {
  const wanted = boxes.filter((box) => box.checked).map((box) => box.value);
  const hash = wanted.length === boxes.length ? "" : `#show=${wanted.join(",")}`;
  history.replaceState(null, "", location.pathname + location.search + hash);
}

function count() {
  const wanted = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
  const lines = [...list.children];
  const shown = lines.filter((line) => wanted.has(line.dataset.sort)).length;
  const says = `${shown} of ${lines.length} lines are shown.`;
  const place = document.getElementById("count");
  if (place.textContent !== says) place.textContent = says;
}

/* ---- times ---- */

function span(ms) {
  const minutes = Math.round(Math.abs(ms) / 60000);
  if (minutes < 1) return "now";
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  const text = days >= 2 ? `${days} days` : hours >= 2 ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
  return ms > 0 ? `in ${text}` : `${text} ago`;
}

function tick() {
  const now = Date.now() + ahead;
  for (const place of document.querySelectorAll(".ago")) {
    const says = span(Date.parse(place.dataset.at) - now);
    if (place.textContent !== says) place.textContent = says;
  }
}

/* ---- news ---- */

function fragment(html) {
  const made = document.createElement("template");
  made.innerHTML = html; // escaped by the server, which no page but this one's own can be
  return made.content;
}

function put(line) {
  const fresh = fragment(line.html).firstElementChild;
  const old = document.getElementById(fresh.id);
  if (old) {
    old.replaceWith(fresh);
    return fresh;
  }
  const next = [...list.children].find((one) => Number(one.dataset.number) < line.number) ?? null;
  list.insertBefore(fresh, next);
  fresh.classList.add("fresh");
  return fresh;
}

function scrolled(change) {
  // Whoever reads further down keeps their place while lines come in above it.
  const anchor = [...list.children].find((one) => one.getBoundingClientRect().top > 0);
  const before = anchor?.getBoundingClientRect().top ?? 0;
  const reading = anchor && list.getBoundingClientRect().top < 0;
  change();
  if (reading && anchor.isConnected) scrollBy(0, anchor.getBoundingClientRect().top - before);
}

function onNews(event) {
  const told = JSON.parse(event.data);
  seen = event.lastEventId || seen;
  scrolled(() => {
    if (told.above !== undefined) {
      const kept = document.activeElement?.closest("#above .scroll")?.getAttribute("aria-labelledby");
      above.replaceChildren(fragment(told.above));
      if (kept) above.querySelector(`.scroll[aria-labelledby="${kept}"]`)?.focus({ preventScroll: true });
    }
    if (told.picture && picture) picture.replaceChildren(fragment(told.picture));
    const fresh = told.lines.map(put);
    const latest = fresh.at(-1);
    if (latest) {
      const more = fresh.length > 1 ? ` and ${fresh.length - 1} more` : "";
      document.getElementById("said").textContent = `${latest.querySelector(".text").textContent}${more}`;
    }
  });
  document.title = told.title;
  clock(told.now);
  count();
}

function clock(iso) {
  ahead = Date.parse(iso) - Date.now();
  tick();
}

function say(state, text) {
  live.dataset.state = state;
  if (liveSays.textContent !== text) liveSays.textContent = text;
}

function begin() {
  clearTimeout(again);
  stream?.close();
  stream = new EventSource(`${address}?after=${seen}`);
  stream.addEventListener("open", () => {
    waitMs = 1000;
    say("live", "Live");
  });
  stream.addEventListener("news", onNews);
  stream.addEventListener("beat", (event) => clock(event.data));
  stream.addEventListener("error", () => {
    say("away", "Connecting again…");
    // The browser tries by itself, unless it was answered with something else than a stream.
    if (stream.readyState === EventSource.CLOSED) again = setTimeout(retry, waitMs);
  });
}

async function retry() {
  waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  try {
    const answer = await fetch(location.pathname, { method: "HEAD", cache: "no-store" });
    if (answer.status === 403) {
      say("over", "This link is over: type /mx status in Slack for a fresh one");
      return;
    }
  } catch {
    // nobody there yet
  }
  begin();
}

function end() {
  clearTimeout(again);
  stream?.close();
  stream = null;
}

restore();
count();
tick();
setInterval(tick, 5000);
begin();
filters.addEventListener("change", () => {
  remember();
  count();
});
addEventListener("hashchange", () => {
  restore();
  count();
});
// A tab that nobody looks at keeps no stream: a browser has but six to one host.
document.addEventListener("visibilitychange", () => (document.hidden ? end() : begin()));
addEventListener("pagehide", end);
addEventListener("pageshow", (event) => event.persisted && begin());
