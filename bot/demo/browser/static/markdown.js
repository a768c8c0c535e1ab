// Markdown of files, canvases and the markdown block: headings, lists, tables, quotes, code, the rest as paragraphs.

import { h } from "./dom.js";

const RULED = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;

export function markdown(text) {
  const found = [];
  const lines = text.split("\n");
  let items = null;
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at];
    if (line.startsWith("```")) {
      const end = lines.findIndex((each, index) => index > at && each.startsWith("```"));
      const last = end === -1 ? lines.length : end;
      found.push(h("pre", { tabindex: "0" }, lines.slice(at + 1, last).join("\n")));
      at = last;
      items = null;
      continue;
    }
    if (line.trimStart().startsWith("|") && RULED.test(lines[at + 1] ?? "")) {
      let last = at + 2;
      while (lines[last]?.trimStart().startsWith("|")) last += 1;
      found.push(table(cells(line), lines.slice(at + 2, last).map(cells)));
      at = last - 1;
      items = null;
      continue;
    }
    const item = /^\s*(?:[-*]|(\d+)\.)\s+(.*)$/.exec(line);
    if (item) {
      const kind = item[1] ? "OL" : "UL";
      if (items?.tagName !== kind) items = found[found.push(h(kind.toLowerCase(), { start: item[1] })) - 1];
      items.append(h("li", {}, span(item[2])));
      continue;
    }
    items = null;
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    if (heading) found.push(h(`h${Math.min(6, heading[1].length + 2)}`, {}, span(heading[2])));
    else if (/^\s*(?:---|\*\*\*)\s*$/.test(line)) found.push(h("hr"));
    else if (line.startsWith(">")) found.push(h("blockquote", {}, span(line.slice(1).trim())));
    else if (line.trim()) found.push(h("p", {}, span(line)));
  }
  return found;
}

function cells(line) {
  return line.trim().replace(/^\||(?<!\\)\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim());
}

function table(head, rows) {
  const cell = (text) => span(text);
  return h("div", { class: "b-table", tabindex: "0", role: "group", "aria-label": "Table" }, h("table", {},
    h("thead", {}, h("tr", {}, head.map((text) => (text ? h("th", { scope: "col" }, cell(text)) : h("td"))))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((text) => h("td", {}, cell(text))))))));
}

function span(text) {
  const found = [];
  let at = 0;
  const unescaped = (part) => part.replaceAll(/\\([\\`*_[\]<>|~#+.()!-])/g, "$1");
  for (const match of text.matchAll(/(?<!\\)\*\*(.+?)(?<!\\)\*\*|(?<!\\)`([^`]+)`|(?<!\\)\[([^\]]+)\]\((https?:[^)\s]+)\)|(?<![\\\w])_([^_]+)(?<!\\)_(?!\w)/g)) {
    if (match.index > at) found.push(unescaped(text.slice(at, match.index)));
    at = match.index + match[0].length;
    if (match[1] !== undefined) found.push(h("strong", {}, unescaped(match[1])));
    else if (match[5] !== undefined) found.push(h("em", {}, unescaped(match[5])));
    else if (match[2] !== undefined) found.push(h("code", {}, match[2]));
    else found.push(h("a", { href: match[4], target: "_blank", rel: "noopener noreferrer" }, unescaped(match[3])));
  }
  if (at < text.length) found.push(unescaped(text.slice(at)));
  return found;
}
