// The words by which a reader recognises why a passage was found.
import { el } from "./dom.js";

const common = new Set(("a about above after all also an and any are as at be been before but by can could did do does each for from get has " +
  "have how i if in into is it its may me more most my no not of on one only or other our out over per shall she should so some " +
  "such than that the their them then there these they this those through to under up use used was we were what when where which " +
  "who why will with would you your").split(" "));

// stem is what the forms of an English word have in common, roughly: it only decides what is marked.
function stem(word) {
  const lower = word.toLowerCase();
  const cut = lower.replace(/(ing|edly|ed|es|s|ly)$/, "");
  return (cut.length >= 3 ? cut : lower).replace(/(.)\1$/, "$1").replace(/e$/, "");
}

const words = /[\p{L}\p{N}][\p{L}\p{N}_.-]*[\p{L}\p{N}]|[\p{L}\p{N}]/gu;

// stemsOf are the stems of a text's words that tell something.
export function stemsOf(text) {
  const found = text.match(words) ?? [];
  return new Set(found.filter(w => w.length > 1 && !common.has(w.toLowerCase())).map(stem));
}

// marked is the text with its words of these stems marked.
export function marked(text, stems) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(words)) {
    if (!stems.has(stem(match[0]))) continue;
    nodes.push(text.slice(from, match.index), el("mark", {}, match[0]));
    from = match.index + match[0].length;
  }
  return [...nodes, text.slice(from)];
}

// numbers are those of a list such as 1, 3 or 1-3, each of at most three digits: a range becomes all its numbers.
export function numbers(list) {
  return [...list.matchAll(/(\d+)(?: *[–-] *(\d+))?/g)].flatMap(([, first, last = first]) =>
    Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(first) + i));
}

const lists = /\[(\d{1,3}(?:[ ,;–-]+\d{1,3})*)\]/g;

// statements are the sentences of an answer that cite the passage n.
export function statements(answer, n) {
  const sentences = answer.split(/(?<=[.!?:]["')]*(?:\s*\[[\d ,;–-]+\])*)\s+(?!\[)|\n+/);
  return sentences.filter(s => [...s.matchAll(lists)].some(([, list]) => numbers(list).includes(n))).join(" ");
}
