"use strict";
// Documents and models are not trusted: their text is set through textContent, and never parsed as markup.
const $ = id => document.getElementById(id);
const element = (name, text = "") => Object.assign(document.createElement(name), { textContent: text });
let running = null;
const partlyRead = new Map(); // from a document's id to its warnings as a text
const maxListed = 100;

function headers() {
  const h = { "Content-Type": "application/json" };
  if ($("key").value) h.Authorization = "Bearer " + $("key").value;
  return h;
}

function notice(text, isError) {
  const p = element("p", text);
  p.className = isError ? "notice error" : "notice";
  $("notices").append(p);
}

async function failure(response) {
  if (response.status === 401) $("key-label").hidden = false;
  try { return (await response.json()).error.message; } catch { return "HTTP " + response.status; }
}

async function showState() {
  const response = await fetch("v1/index", { headers: headers() });
  if (!response.ok) { await failure(response); return; }
  const s = await response.json();
  $("title").textContent = s.pipeline;
  $("state").textContent = s.documents + " documents, " + s.chunks + " passages, generation " + s.generation +
    (s.ready ? "" : ", not ready yet");
  await showLosses(s.documents_with_warnings, s.failed_documents);
}

// showLosses tells which documents the answers lack, in whole or in part.
async function showLosses(warned, failed) {
  $("losses").hidden = !warned && !failed;
  partlyRead.clear();
  if ($("losses").hidden) return;
  const counts = [];
  if (warned) counts.push(warned + (warned === 1 ? " document was" : " documents were") + " only partly read");
  if (failed) counts.push(failed + (failed === 1 ? " document" : " documents") + " could not be indexed");
  $("loss-count").textContent = counts.join(", and ");
  const items = [];
  for (const d of await documents("warnings=true")) {
    partlyRead.set(d.document_id, d.warnings.map(describe).join("; "));
    items.push(d.document_id + ": " + partlyRead.get(d.document_id));
  }
  for (const d of await documents("state=Failed")) items.push(d.document_id + ": " + d.reason + ", " + d.message);
  const more = Math.max(warned + failed, items.length) - Math.min(items.length, maxListed);
  const list = items.slice(0, maxListed);
  if (more > 0) list.push("and " + more + " more: GET /v1/documents?warnings=true and ?state=Failed list all of them");
  $("lost").replaceChildren(...list.map(text => element("li", text)));
}

async function documents(query) {
  const response = await fetch("v1/documents?limit=1000&" + query, { headers: headers() });
  return response.ok ? (await response.json()).documents : [];
}

function describe(warning) {
  const places = (warning.places || []).join(", ");
  return warning.reason + " (" + (places || warning.count) + ")";
}

function showCitations(citations) {
  $("citations").replaceChildren(...citations.results.map(c => {
    const where = [c.document_id];
    if (c.metadata.page_number) where.push(c.metadata.page_kind + " " + c.metadata.page_number);
    if (c.metadata.heading) where.push(c.metadata.heading);
    const details = element("details");
    const summary = element("summary", where.join(", ") + " (score " + c.score.toFixed(2) + ")");
    details.append(summary, element("blockquote", c.content));
    if (partlyRead.has(c.document_id)) {
      details.append(element("small", "This document was only partly read: " + partlyRead.get(c.document_id)));
    }
    const item = element("li");
    item.append(details, downloadButton(c, item));
    return item;
  }));
}

// A link would lack the API key, and could lead to another host than this page's.
function downloadButton(citation, item) {
  const button = element("button", "Download " + citation.document_name);
  Object.assign(button, { type: "button", className: "download" });
  button.addEventListener("click", async () => {
    button.disabled = true;
    for (const old of item.querySelectorAll(":scope > .error")) old.remove();
    try {
      await download(citation.document_id, citation.document_name);
    } catch (e) {
      item.append(Object.assign(element("p", "The download failed: " + e.message), { className: "notice error" }));
    }
    button.disabled = false;
  });
  return button;
}

// download saves the document's bytes, or its text where the gateway no longer has those.
async function download(id, name) {
  const path = id.split("/").map(encodeURIComponent).join("/");
  const response = await fetch("v1/documents/" + path + "/content", { headers: headers() });
  if (!response.ok) throw new Error(await failure(response));
  const isText = response.headers.get("X-Document-Content") === "extracted";
  const url = URL.createObjectURL(await response.blob());
  Object.assign(element("a"), { href: url, download: isText ? name + ".txt" : name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000); // the browser reads it after the click
}

// showUsed sets the passages that the answer cites apart from those that were only put before the LLM.
function showUsed(cited) {
  [...$("citations").children].forEach((item, i) => {
    const used = cited.includes(i + 1);
    item.className = used ? "used" : "unused";
    item.querySelector("summary").append(used ? " – cited" : " – not cited");
  });
}

function show(chunk) {
  if (chunk.error) throw new Error(chunk.error.message);
  if (chunk.citations) showCitations(chunk.citations);
  if (chunk.cited) showUsed(chunk.cited);
  for (const w of chunk.warnings || []) notice(w.message);
  for (const c of chunk.choices || []) if (c.delta && c.delta.content) $("answer").append(c.delta.content);
  if (chunk.metrics) {
    const m = chunk.metrics;
    $("times").textContent = [["retrieval", m.retrieval_time_ms], ["reranking", m.context_reranker_time_ms],
      ["answer", m.llm_generation_time_ms], ["total", m.total_time_ms]]
      .filter(([, t]) => t).map(([name, t]) => name + " " + t.toFixed(1) + " ms").join(", ");
  }
}

async function ask(question, signal) {
  const response = await fetch("v1/chat/completions", { method: "POST", headers: headers(), signal,
    body: JSON.stringify({ messages: [{ role: "user", content: question }], stream: true }) });
  if (!response.ok) throw new Error(await failure(response));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", done = false;
  for (;;) {
    const piece = await reader.read();
    if (piece.done) break;
    const events = (rest + piece.value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      if (!event.startsWith("data: ")) continue;
      const data = event.slice(6);
      if (data === "[DONE]") { done = true; continue; }
      show(JSON.parse(data));
    }
  }
  if (!done) throw new Error("The answer was cut off.");
}

$("ask").addEventListener("submit", async event => {
  event.preventDefault();
  if (running) running.abort();
  const mine = running = new AbortController();
  $("notices").replaceChildren(); $("citations").replaceChildren();
  $("answer").textContent = ""; $("times").textContent = "";
  try {
    await ask($("question").value, mine.signal);
  } catch (e) {
    if (!mine.signal.aborted) notice(e.message, true);
  }
  if (running === mine) { running = null; showState().catch(() => {}); }
});
showState().catch(() => {});
