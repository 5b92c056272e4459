// The panel beside the conversation, which shows one passage in its place in the document.
import { $, announce, count, el, placeOf, svg } from "./dom.js";
import { documentPath, download, request } from "./api.js";
import { marked } from "./words.js";

let opener = null; // gets the focus back
let shown = 0;     // counts what was opened, so that a picture that comes late is not shown beside another passage
let picture = "";

// open shows a citation: which says which of the answer's it is, stems are marked in its text, and losses say what of its
// document could not be read.
export function open(citation, { which, stems, losses }) {
  if (!$("panel").contains(document.activeElement)) opener = document.activeElement;
  const { metadata } = citation;
  const place = placeOf(metadata);
  forgetPicture();
  const mine = ++shown;
  const page = el("div", { class: "page" });
  const failure = el("p", { role: "alert", class: "error" });
  $("panel").replaceChildren(...[
    el("div", { class: "panel-head" },
      el("h2", {}, which),
      el("button", { type: "button", class: "quiet", onclick: close, "aria-label": "Close the passage" }, "Close")),
    el("p", { class: "panel-title" }, metadata.title || citation.document_name),
    el("p", { class: "muted path" }, citation.document_id),
    place && el("p", { class: "place" }, place),
    losses && el("p", { class: "notice" }, "Only a part of this document could be read: " + losses),
    page,
    el("blockquote", { class: "passage" }, marked(citation.content, stems)),
    el("div", { class: "row" },
      el("button", { type: "button", onclick: e => save(e.target, citation.document_id, failure) }, "Download"),
      el("a", { class: "button", href: "#/documents/" + encodeURIComponent(citation.document_id) }, "Whole document")),
    failure,
  ].filter(Boolean));
  for (const mark of document.querySelectorAll(".cite[aria-expanded=true]")) mark.setAttribute("aria-expanded", "false");
  $("panel").hidden = false;
  document.body.classList.add("beside");
  $("panel").focus();
  $("panel").scrollTop = 0;
  announce("Passage opened");
  if (metadata.page_kind === "page" && /\.pdf$/i.test(citation.document_id)) drawPage(page, citation, mine);
}

// close hides the panel, and goes back to where it was opened.
export function close() {
  if ($("panel").hidden) return;
  $("panel").hidden = true;
  document.body.classList.remove("beside");
  forgetPicture();
  shown++;
  opener?.focus();
  opener = null;
}

async function save(button, id, failure) {
  button.disabled = true;
  failure.textContent = "";
  try {
    await download(id);
  } catch (e) {
    failure.textContent = "The download failed: " + e.message;
  }
  button.disabled = false;
}

function forgetPicture() {
  if (picture) URL.revokeObjectURL(picture);
  picture = "";
}

// drawPage shows the page of a PDF as a picture, with a frame around each line of the passage. If the gateway has no
// picture of it, such as where it does not reach the document's source, the text alone is shown.
async function drawPage(into, citation, mine) {
  const { page_number: number, boxes } = citation.metadata;
  let response;
  try {
    response = await request(documentPath(citation.document_id, "/pages/" + number));
  } catch {
    return;
  }
  if (response.status === 204) return;
  const blob = await response.blob();
  if (mine !== shown) return;
  const [left, bottom, right, top] = (response.headers.get("X-Page-Box") ?? "0 0 0 0").split(" ").map(Number);
  picture = URL.createObjectURL(blob);
  const frames = (right > left ? boxes ?? [] : []).map(([l, b, r, t]) =>
    svg("rect", { x: l - left - 1, y: top - t - 1, width: r - l + 2, height: t - b + 2, class: "frame" }));
  into.append(el("figure", {},
    el("div", { class: "sheet" },
      el("img", { src: picture, alt: "Page " + number + " of " + citation.document_name }),
      svg("svg", { viewBox: [0, 0, right - left, top - bottom].join(" "), "aria-hidden": "true" }, frames)),
    el("figcaption", { class: "muted" }, frames.length > 0
      ? "Page " + number + "; the passage is framed (" + count(frames.length, "line") + ")."
      : "Page " + number + ".")));
}
