// Slack's mrkdwn as elements.

import { h } from "./dom.js";

const EMOJI = {
  "+1": "👍", thumbsup: "👍", "-1": "👎", eyes: "👀", white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌",
  warning: "⚠️", rotating_light: "🚨", fire: "🔥", pushpin: "📌", round_pushpin: "📍", memo: "📝", bell: "🔔",
  no_bell: "🔕", hourglass: "⌛", hourglass_flowing_sand: "⏳", red_circle: "🔴", large_orange_circle: "🟠",
  large_yellow_circle: "🟡", large_green_circle: "🟢", large_blue_circle: "🔵", white_circle: "⚪", black_circle: "⚫",
  tada: "🎉", wave: "👋", pray: "🙏", rocket: "🚀", zzz: "💤", key: "🔑", lock: "🔒", unlock: "🔓", wrench: "🔧",
  hammer_and_wrench: "🛠️", gear: "⚙️", mag: "🔍", bulb: "💡", chart_with_upwards_trend: "📈", clipboard: "📋",
  arrow_right: "➡️", arrow_up: "⬆️", arrow_down: "⬇️", information_source: "ℹ️", question: "❓", exclamation: "❗",
  checkered_flag: "🏁", construction: "🚧", mega: "📣", link: "🔗", paperclip: "📎", smile: "😄", thinking_face: "🤔",
  heart: "❤️", ok_hand: "👌", raised_hands: "🙌", star: "⭐", stopwatch: "⏱️", clock1: "🕐", calendar: "📅",
  telephone_receiver: "📞", mailbox: "📫", package: "📦", bar_chart: "📊", hammer: "🔨", boom: "💥", white_large_square: "⬜", ballot_box_with_check: "☑️", ambulance: "🚑",
};

export const QUICK = ["white_check_mark", "eyes", "pushpin", "+1"];

export function emoji(name) {
  return EMOJI[name] ?? `:${name}:`;
}

const plain = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

export function mrkdwn(text, names) {
  const found = [];
  text.split(/(```[\s\S]*?```)/).forEach((part) => {
    const block = /^```\n?([\s\S]*?)\n?```$/.exec(part);
    if (block) found.push(h("pre", { tabindex: "0" }, plain(block[1])));
    else if (part) found.push(...lines(part, names));
  });
  return found;
}

function lines(text, names) {
  const found = [];
  let quote = [];
  const close = () => {
    if (quote.length) found.push(h("blockquote", {}, quote.flatMap((line, at) => [...(at ? [h("br")] : []), ...inline(line, names)])));
    quote = [];
  };
  text.split("\n").forEach((line, at, all) => {
    const quoted = /^(?:&gt;|>)\s?(.*)$/.exec(line);
    if (quoted) {
      quote.push(quoted[1]);
      return;
    }
    const followed = quote.length > 0;
    close();
    if (at && !followed) found.push(h("br"));
    found.push(...inline(line, names));
    if (at === all.length - 1) return;
  });
  close();
  return found;
}

const INLINE =
  /`([^`\n]+)`|<([^<>\n]+)>|(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])|(?<!\w)_(\S(?:[^_\n]*\S)?)_(?!\w)|(?<!\w)~(\S(?:[^~\n]*\S)?)~(?!\w)|:([a-z0-9_+-]+):/g;

function inline(text, names) {
  const found = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > at) found.push(plain(text.slice(at, match.index)));
    at = match.index + match[0].length;
    const [, code, special, bold, italic, struck, symbol] = match;
    if (code !== undefined) found.push(h("code", {}, plain(code)));
    else if (special !== undefined) found.push(reference(special, names));
    else if (bold !== undefined) found.push(h("strong", {}, inline(bold, names)));
    else if (italic !== undefined) found.push(h("em", {}, inline(italic, names)));
    else if (struck !== undefined) found.push(h("s", {}, inline(struck, names)));
    else found.push(emoji(symbol));
  }
  if (at < text.length) found.push(plain(text.slice(at)));
  return found;
}

function reference(special, names) {
  const [target, label] = special.split("|", 2);
  if (target.startsWith("@")) return h("span", { class: "mention" }, `@${names.of(target.slice(1)) ?? label ?? target.slice(1)}`);
  if (target.startsWith("#")) return h("span", { class: "mention" }, `#${names.of(target.slice(1)) ?? label ?? target.slice(1)}`);
  if (target.startsWith("!subteam^")) return h("span", { class: "mention" }, `@${names.of(target.slice(9)) ?? label ?? target}`);
  if (target.startsWith("!date^")) return date(target, label);
  if (target.startsWith("!")) return h("span", { class: "mention loud" }, `@${target.slice(1)}`);
  const address = plain(target);
  if (!/^(https?:|mailto:)/.test(address)) return plain(label ?? target);
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, plain(label ?? target));
}

function date(target, fallback) {
  const [, stamp, form = ""] = target.split("^");
  return dated(stamp, form, fallback);
}

// A time in the words that its form asks for, as Slack writes it.
export function dated(stamp, form, fallback) {
  const when = new Date(Number(stamp) * 1000);
  if (Number.isNaN(when.getTime())) return plain(fallback ?? "");
  const day = (style) => when.toLocaleDateString(undefined, { dateStyle: style });
  const text = form
    .replaceAll(/\{date_(?:num|short|short_pretty|pretty)\}|\{date\}/g, () => day("medium"))
    .replaceAll(/\{date_long(?:_pretty)?\}/g, () => day("full"))
    .replaceAll("{time_secs}", when.toLocaleTimeString())
    .replaceAll("{time}", when.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" }))
    .replaceAll("{ago}", fallback ?? "");
  return h("time", { datetime: when.toISOString() }, text);
}
