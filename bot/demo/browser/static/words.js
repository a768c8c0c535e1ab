// What a message's stored text and time are to the person who reads or edits them.

// The text as it was typed: mentions by name, addresses bare, nothing escaped; sent again it becomes what it was.
export function typedText(text, names) {
  const handle = (id) => (names.of(id) ?? id).toLowerCase().replaceAll(" ", ".");
  return text
    .replaceAll(/<@(\w+)(?:\|[^>]*)?>/g, (_found, id) => `@${handle(id)}`)
    .replaceAll(/<#(\w+)(?:\|[^>]*)?>/g, (_found, id) => `#${names.of(id) ?? id}`)
    .replaceAll(/<((?:https?|mailto):[^|>]+)(?:\|[^>]*)?>/g, "$1")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}

// The local time; beside it the one that mx's own texts use, where that is another.
export function timeOf(when) {
  const local = when.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  return when.getTimezoneOffset() === 0 ? local : `${local} · ${utc(when)}`;
}

export function utc(when) {
  return `${when.toISOString().slice(11, 16)} UTC`;
}

// Only what a browser may follow: an app's text can hold any address.
export function followed(address) {
  return /^(https?:|mailto:)/.test(address ?? "") ? address : null;
}

// The day of a message, where the reader is: its name, and how it is told.
export function dayOf(ts) {
  const when = new Date(Number(ts) * 1000);
  return [when.getFullYear(), when.getMonth() + 1, when.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
}

export function longDay(ts) {
  return new Date(Number(ts) * 1000).toLocaleDateString(undefined, { weekday: "long", day: "numeric", month: "long" });
}
