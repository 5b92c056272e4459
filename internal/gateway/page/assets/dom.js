// Elements are made here, and nowhere from markup: documents and models are not trusted, so their text only
// ever becomes text.

// $ is the element with the id.
export const $ = id => document.getElementById(id);

// el makes an element: a property that begins with "on" is a listener, one with a value is set as an attribute, and
// children may be nodes, texts, or nothing.
export function el(name, properties = {}, ...children) {
  return fill(document.createElement(name), properties, children);
}

const vector = "http://www.w3.org/2000/svg";

// svg makes an element of a drawing.
export function svg(name, properties = {}, ...children) {
  return fill(document.createElementNS(vector, name), properties, children);
}

function fill(element, properties, children) {
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter(c => c !== undefined && c !== null && c !== false));
  return element;
}

// announce tells a screen reader what has just happened.
export function announce(text) {
  $("announcer").textContent = text;
}

// count writes a number with its noun: "1 document", "2,000 documents".
export function count(n, noun) {
  return n.toLocaleString("en") + " " + noun + (n === 1 ? "" : "s");
}

// duration writes milliseconds as one reads them.
export function duration(ms) {
  if (ms === undefined || ms === null) return "";
  if (ms < .1) return "under 0.1 ms";
  if (ms < 10) return ms.toFixed(1) + " ms";
  return ms < 1000 ? Math.round(ms) + " ms" : (ms / 1000).toFixed(1) + " s";
}

// ago writes how long ago a time was.
export function ago(time) {
  const seconds = Math.max(0, (Date.now() - new Date(time)) / 1000);
  for (const [size, noun] of [[86400, "day"], [3600, "hour"], [60, "minute"]]) {
    if (seconds >= size) return count(Math.floor(seconds / size), noun) + " ago";
  }
  return "just now";
}

// placeOf describes where a passage is in its document: page or slide, and heading.
export function placeOf(metadata) {
  const where = [];
  if (metadata.page_number) where.push((metadata.page_kind || "page") + " " + metadata.page_number);
  if (metadata.heading) where.push(metadata.heading);
  return where.join(", ");
}

// sentence begins a message with a capital and ends it with a stop.
export function sentence(message) {
  const text = message.trim();
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
}
