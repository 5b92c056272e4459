// The documents of the index: those with losses first, a page of the rest at a time, the chunks of one, and a search.
import { $, ago, announce, count, el, placeOf } from "./dom.js";
import { documentPath, download, getJSON, postJSON } from "./api.js";
import { marked, stemsOf } from "./words.js";

const pageSize = 50;
let listing = 0;   // counts the lists and documents that were asked for, so that a late reply is dropped
let searches = 0; // counts the searches, which go on while the page reads the state of the index again

const filters = [["all", "All", ""], ["failed", "Failed", "&state=Failed"], ["partly", "Only partly read", "&warnings=true"]];

// show draws the list, or one document if an id is given. What is drawn already stays, with the focus and the pages that
// were added to it, unless the state has changed.
export async function show(id, state) {
  const into = $("documents"), now = JSON.stringify([id, state && { ...state, progress: null }]);
  if (state && into.dataset.drawn === now) return;
  into.dataset.drawn = now;
  const mine = ++listing;
  if (id) return showOne(into, id, mine);
  if (!into.querySelector("#search-form")) into.replaceChildren(...frame(into));
  drawCounts(state);
  if (into.querySelector("#results").hidden) await list(into, into.dataset.filter || "all", mine);
}

function frame(into) {
  return [
    el("h2", {}, "Documents"),
    el("p", { class: "muted", id: "document-counts" }),
    el("form", { id: "search-form", role: "search", onsubmit: e => { e.preventDefault(); search(into); } },
      el("label", { for: "search", class: "unseen" }, "Search the documents"),
      el("div", { class: "row" },
        el("input", { id: "search", type: "search", placeholder: "Search the documents", autocomplete: "off", maxlength: 1000 }),
        el("button", { type: "submit" }, "Search"))),
    el("div", { id: "results", hidden: true }),
    el("div", { id: "listing" },
      el("div", { class: "segments", role: "group", "aria-label": "Which documents" }, filters.map(([name, text]) =>
        el("button", { type: "button", "data-filter": name, "aria-pressed": "false", onclick: () => list(into, name, ++listing) }, text))),
      el("div", { id: "rows" })),
  ];
}

function drawCounts(state) {
  if (!state) return;
  $("document-counts").textContent = count(state.documents, "document") + " in " + count(state.chunks, "passage") +
    (state.failed_documents ? "; " + state.failed_documents.toLocaleString("en") + " failed" : "") +
    (state.documents_with_warnings ? "; " + state.documents_with_warnings.toLocaleString("en") + " only partly read" : "");
}

// list shows the first page of the documents that the filter admits; of all, first those that failed or have warnings.
async function list(into, filter, mine) {
  into.dataset.filter = filter;
  for (const b of into.querySelectorAll(".segments button")) b.setAttribute("aria-pressed", String(b.dataset.filter === filter));
  const rows = into.querySelector("#rows");
  try {
    const [, , query] = filters.find(([name]) => name === filter);
    const first = filter === "all" ? await losses() : [];
    const page = await getJSON("v1/documents?limit=" + pageSize + query);
    if (mine !== listing) return;
    const attention = first.length > 0 ? [section("Need attention", first)] : [];
    rows.replaceChildren(...attention, table(first.length > 0 ? "All documents" : "", page, query));
  } catch (e) {
    if (mine !== listing) return;
    delete into.dataset.drawn; // so that the next refresh tries again
    rows.replaceChildren(el("p", { class: "error", role: "alert" }, e.message));
  }
}

async function losses() {
  const pages = await Promise.all(["&state=Failed", "&warnings=true"].map(q => getJSON("v1/documents?limit=" + pageSize + q)));
  return pages.flatMap(p => p.documents);
}

const section = (title, documents) => el("div", {}, el("h3", {}, title), el("ul", { class: "documents" }, documents.map(row)));

// table is a page of documents, and a button that appends the next one.
function table(title, page, query) {
  const listed = el("ul", { class: "documents" }, page.documents.map(row));
  const more = el("button", { type: "button", onclick: next }, "Show more");
  const failure = el("p", { class: "error", role: "alert" });
  let after = page.next;
  more.hidden = !after;
  async function next() {
    more.disabled = true;
    failure.textContent = "";
    try {
      const following = await getJSON("v1/documents?limit=" + pageSize + query + "&after=" + encodeURIComponent(after));
      listed.append(...following.documents.map(row));
      after = following.next;
      more.hidden = !after;
      announce(count(following.documents.length, "more document"));
    } catch (e) {
      failure.textContent = e.message;
    }
    more.disabled = false;
  }
  const none = page.documents.length === 0 && !after && el("p", { class: "muted" }, "There are none.");
  return el("div", {}, title && el("h3", {}, title), none, listed, more, failure);
}

function row(d) {
  const state = d.state === "Failed" ? ["failed", "Failed"] : d.warnings ? ["partly", "Only partly read"] : ["indexed", count(d.chunks, "passage")];
  return el("li", {}, el("a", { href: "#/documents/" + encodeURIComponent(d.document_id) },
    el("span", { class: "source-title" }, d.title || d.document_name),
    el("span", { class: "muted path" }, d.document_id),
    d.state === "Failed" && el("span", { class: "why" }, d.reason + ": " + d.message),
    d.warnings && el("span", { class: "why" }, describe(d.warnings))),
  el("span", { class: "tag " + state[0] }, state[1]));
}

// describe tells what of a document is not in the index.
export function describe(warnings) {
  return warnings.map(w => w.reason + " (" + ((w.places ?? []).join(", ") || w.count) + ")").join("; ");
}

async function search(into) {
  const text = into.querySelector("#search").value.trim();
  const results = into.querySelector("#results"), mine = ++searches;
  results.hidden = text === "";
  into.querySelector("#listing").hidden = text !== "";
  if (text === "") return show("", null);
  results.replaceChildren(el("p", { class: "muted" }, "Searching"));
  try {
    const found = await postJSON("v1/search", { query: text, reranker_top_k: 25 });
    if (mine !== searches) return;
    const stems = stemsOf(text);
    results.replaceChildren(
      el("h3", {}, count(found.results.length, "passage") + " found"),
      ...(found.warnings ?? []).map(w => el("p", { class: "notice" }, w.message)),
      el("ol", { class: "hits" }, found.results.map(r => el("li", {},
        el("a", { href: "#/documents/" + encodeURIComponent(r.document_id) }, r.metadata.title || r.document_name),
        el("p", { class: "muted path" }, [r.document_id, placeOf(r.metadata)].filter(Boolean).join(", ")),
        el("p", { class: "passage clipped" }, marked(r.content, stems))))));
    announce(count(found.results.length, "passage") + " found");
  } catch (e) {
    if (mine === searches) results.replaceChildren(el("p", { class: "error", role: "alert" }, e.message));
  }
}

async function showOne(into, id, mine) {
  let d, chunks;
  try {
    [d, chunks] = await Promise.all([getJSON(documentPath(id)), getJSON(documentPath(id, "/chunks"))]);
  } catch (e) {
    if (mine === listing) into.replaceChildren(back(), el("p", { class: "error", role: "alert" }, e.message));
    return;
  }
  if (mine !== listing) return;
  const failure = el("p", { class: "error", role: "alert" });
  const save = el("button", { type: "button", onclick: async () => {
    failure.textContent = "";
    await download(id).catch(e => { failure.textContent = "The download failed: " + e.message; });
  } }, "Download");
  into.replaceChildren(...[
    back(),
    el("h2", {}, d.title || d.document_name),
    el("p", { class: "muted path" }, d.document_id),
    d.state === "Failed" && el("p", { class: "error" }, "This document could not be indexed. " + d.reason + ": " + d.message +
      (d.parked ? ". It is not read again until it changes." : "")),
    d.warnings && el("p", { class: "notice" }, "Only a part of this document could be read: " + describe(d.warnings)),
    facts(d, chunks),
    d.state !== "Failed" && el("div", { class: "row" }, save), failure,
    chunks.chunks.length > 0 && el("h3", {}, "Passages"),
    el("ol", { class: "chunks" }, chunks.chunks.map(c => el("li", {},
      el("p", { class: "muted" }, placeOf(c)), el("blockquote", { class: "passage" }, c.content)))),
    chunks.total_chunks > chunks.chunks.length && el("p", { class: "muted" }, "The first " + chunks.chunks.length + " of " +
      count(chunks.total_chunks, "passage") + "."),
  ].filter(Boolean));
}

const back = () => el("p", {}, el("a", { href: "#/documents" }, "All documents"));

function facts(d, chunks) {
  const known = [["Source", d.source], ["Passages", String(chunks.total_chunks)], ["Read", d.updated && ago(d.updated)],
    ...Object.entries(d.metadata ?? {}).map(([k, v]) => [k, Array.isArray(v) ? v.join(", ") : String(v)])];
  return el("dl", { class: "facts" }, known.filter(([, v]) => v).map(([k, v]) => el("div", {}, el("dt", {}, k), el("dd", {}, v))));
}
