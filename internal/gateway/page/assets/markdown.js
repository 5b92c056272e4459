// Markdown as nodes: what LLMs write of CommonMark and of GitHub's tables. HTML stays text, pictures become their
// descriptions, and a link leads to the web or to a mail alone.
import { el } from "./dom.js";
import { numbers } from "./words.js";

// render returns the nodes of a text. cite makes the node of a citation [n], or returns nothing if n is none.
export function render(text, cite = () => null) {
  const state = { lines: text.replace(/\r\n?/g, "\n").split("\n"), at: 0, cite, top: 0, last: 2 };
  state.top = Math.min(...state.lines.map(l => (heading.exec(l)?.[1].length ?? 7)));
  return blocks(state, state.lines.length);
}

const heading = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const fence = /^(\s*)(`{3,}|~{3,})\s*([\w+#.-]*)/;
const rule = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const quote = /^ {0,3}>\s?/;
const item = /^(\s*)([-*+]|\d{1,9}[.)])(\s+|$)/;
const delimiters = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const blank = /^\s*$/;

// blocks reads lines until the end.
function blocks(s, end) {
  const nodes = [];
  while (s.at < end) {
    const line = s.lines[s.at];
    if (blank.test(line)) s.at++;
    else if (fence.test(line)) nodes.push(code(s, end));
    else if (heading.test(line)) nodes.push(title(s));
    else if (rule.test(line)) { s.at++; nodes.push(el("hr")); }
    else if (quote.test(line)) nodes.push(quoted(s, end));
    else if (item.test(line)) nodes.push(list(s, end));
    else if (isTable(s, end)) nodes.push(table(s, end));
    else nodes.push(paragraph(s, end));
  }
  return nodes;
}

function code(s, end) {
  const [, indent, marks, language] = fence.exec(s.lines[s.at++]);
  const close = new RegExp("^\\s*" + marks[0] + "{" + marks.length + ",}\\s*$");
  const lines = [];
  while (s.at < end && !close.test(s.lines[s.at])) lines.push(s.lines[s.at++].replace(new RegExp("^ {0," + indent.length + "}"), ""));
  s.at++; // a fence that is not closed yet goes to the end
  const label = language ? "Code in " + language : "Code";
  return el("pre", { tabindex: 0, role: "region", "aria-label": label }, el("code", {}, lines.join("\n")));
}

// title keeps the order of headings: the first level of the text follows the question's, and none is left out.
function title(s) {
  const [, marks, text] = heading.exec(s.lines[s.at++]);
  s.last = Math.min(3 + marks.length - s.top, s.last + 1, 6);
  return el("h" + s.last, {}, inline(text, s));
}

function quoted(s, end) {
  const lines = [];
  while (s.at < end && quote.test(s.lines[s.at])) lines.push(s.lines[s.at++].replace(quote, ""));
  return el("blockquote", {}, within(s, lines));
}

// within renders lines of their own, as those of a quotation or an item.
function within(s, lines) {
  const inner = { ...s, lines, at: 0 };
  return blocks(inner, lines.length);
}

function list(s, end) {
  const [, indent, mark] = item.exec(s.lines[s.at]);
  const ordered = /\d/.test(mark);
  const root = el(ordered ? "ol" : "ul", { start: ordered && parseInt(mark) !== 1 ? parseInt(mark) : undefined });
  while (s.at < end) {
    const start = item.exec(s.lines[s.at]);
    if (!start || start[1].length > indent.length + 1 || /\d/.test(start[2]) !== ordered) break;
    const width = start[1].length + start[2].length + 1;
    const lines = [s.lines[s.at++].slice(start[0].length)];
    while (s.at < end && continues(s, width)) lines.push(s.lines[s.at++].replace(new RegExp("^\\s{0," + width + "}"), ""));
    const nodes = within(s, lines);
    const tight = nodes.length > 0 && nodes[0].nodeName === "P"; // a lone paragraph of an item has no space around it
    root.append(el("li", {}, tight ? [...nodes[0].childNodes] : nodes[0], nodes.slice(1)));
    if (blank.test(s.lines[s.at] ?? "x") && item.test(s.lines[s.at + 1] ?? "")) s.at++;
  }
  return root;
}

// continues reports whether a line belongs to the item before it: it is indented, or goes on with its paragraph.
function continues(s, width) {
  const line = s.lines[s.at];
  if (blank.test(line)) return /^\s{2,}\S/.test(s.lines[s.at + 1] ?? "");
  const indented = line.length - line.trimStart().length;
  if (indented >= Math.min(width, 2)) return !item.test(line) || indented >= 2;
  return !item.test(line) && !heading.test(line) && !fence.test(line) && !quote.test(line) && !blank.test(s.lines[s.at - 1]);
}

function isTable(s, end) {
  return s.lines[s.at].includes("|") && s.at + 1 < end && s.lines[s.at + 1].includes("-") && delimiters.test(s.lines[s.at + 1]);
}

function table(s, end) {
  const head = cells(s.lines[s.at]);
  const aligned = cells(s.lines[s.at + 1]).map(c => c.endsWith(":") ? (c.startsWith(":") ? "center" : "right") : undefined);
  s.at += 2;
  const rows = [];
  while (s.at < end && s.lines[s.at].includes("|") && !blank.test(s.lines[s.at])) rows.push(cells(s.lines[s.at++]));
  const row = (name, texts) => el("tr", {}, head.map((_, i) =>
    el(name, { class: aligned[i], scope: name === "th" ? "col" : undefined }, inline(texts[i] ?? "", s))));
  return el("div", { class: "table", tabindex: 0, role: "region", "aria-label": "Table" },
    el("table", {}, el("thead", {}, row("th", head)), el("tbody", {}, rows.map(r => row("td", r)))));
}

// cells splits a row at its bars, except those behind a backslash or in code.
function cells(line) {
  const found = [""];
  let ticked = false;
  for (const [piece] of line.trim().replace(/^\|/, "").replace(/\|$/, "").matchAll(/\\\||`|[^`|\\]+|[\s\S]/g)) {
    if (piece === "`") ticked = !ticked;
    if (piece === "|" && !ticked) found.push("");
    else found[found.length - 1] += piece === "\\|" ? "|" : piece;
  }
  return found.map(c => c.trim());
}

function paragraph(s, end) {
  const lines = [s.lines[s.at++].trimStart()];
  while (s.at < end && !interrupts(s, end)) lines.push(s.lines[s.at++].trimStart());
  return el("p", {}, inline(lines.join("\n"), s));
}

function interrupts(s, end) {
  const line = s.lines[s.at];
  return blank.test(line) || fence.test(line) || heading.test(line) || rule.test(line) || quote.test(line) ||
    item.test(line) || isTable(s, end);
}

// inlines are tried in this order where the text may begin one; the first group is what it holds.
const inlines = [
  [/^\\([!-/:-@[-`{-~])/, ([, sign]) => sign],
  [/^(`+)([\s\S]*?[^`])\1(?!`)/, ([, , text]) => el("code", {}, text.replace(/^ (.+) $/, "$1").replace(/\n/g, " "))],
  [/^!\[([^\]]*)\]\([^)\s]*\)/, ([, text]) => text],
  [/^\[(\d{1,3}(?:[ ,;–-]+\d{1,3})*)\](?!\()/, ([, list], s) => sources(list, s)],
  [/^\[([^\]]+)\]\(<?((?:[^()\s<>]|\([^()\s]*\))+)>?(?:\s+"[^"]*")?\)/, ([, text, address], s) => link(text, address, s)],
  [/^<(https?:\/\/[^\s<>]+)>/, ([, address], s) => link(address, address, s)],
  [/^(\*\*|__)(?=\S)([\s\S]*?\S)\1/, ([, , text], s) => el("strong", {}, inline(text, s))],
  [/^\*(?=[^\s*])([\s\S]*?[^\s*])\*(?!\*)/, ([, text], s) => el("em", {}, inline(text, s))],
  [/^_(?=[^\s_])([\s\S]*?[^\s_])_(?!\w)/, ([, text], s, before) => /\w$/.test(before) ? null : el("em", {}, inline(text, s))],
  [/^~~(?=\S)([\s\S]*?\S)~~/, ([, text], s) => el("del", {}, inline(text, s))],
  [/^ {2,}\n|^\\\n/, () => el("br")],
];

// inline returns the nodes of a paragraph's text. What begins an inline but does not end one is text.
function inline(text, s) {
  const nodes = [];
  let plain = "";
  for (let at = 0; at < text.length;) {
    const [node, length] = inlineAt(text.slice(at), s, plain);
    if (typeof node === "string") plain += node;
    else {
      nodes.push(plain, node);
      plain = "";
    }
    at += length;
  }
  return [...nodes, plain].filter(n => n !== "");
}

function inlineAt(text, s, before) {
  if (/^[\\`![<*_~ ]/.test(text)) {
    for (const [pattern, make] of inlines) {
      const match = pattern.exec(text);
      const node = match && make(match, s, before);
      if (node) return [node, match[0].length];
    }
  }
  const [run] = /^[\s\S][^\\`![<*_~ ]*/.exec(text);
  return [run, run.length];
}

// sources makes the nodes of the citations in a list such as 1, 3 or 1-3, if each number is one.
function sources(list, s) {
  const nodes = numbers(list).map(s.cite);
  return nodes.length > 0 && nodes.every(n => n) ? el("span", {}, nodes) : null;
}

// link leads to the web or to a mail; the text of any other stays text.
function link(text, address, s) {
  if (!/^(https?:\/\/|mailto:)/i.test(address)) return text;
  return el("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, inline(text, { ...s, cite: () => null }));
}
