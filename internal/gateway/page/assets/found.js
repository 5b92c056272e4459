// "How was this found": how many candidates each stage had and passed on, the way of each of them through the ranks, how
// long it took, and why a document was not among them.
import { count, duration, el, sentence, svg } from "./dom.js";
import { postJSON } from "./api.js";

// explain draws how a turn's answer was found. The times are those of the answer; the candidates come from the search for
// its question, made again.
export function explain(turn) {
  const m = turn.metrics;
  const candidates = el("div", {}, el("p", { class: "muted" }, "Searching again, to see every candidate"));
  const query = m.retrieval_query ?? turn.question;
  showCandidates(candidates, turn, query);
  return el("section", { class: "explanation", "aria-label": "How this was found" },
    m.retrieval_query && el("p", {}, "The documents were searched for: ", el("q", {}, m.retrieval_query)),
    m.ungrounded && el("p", {}, "The model answered without the documents."),
    timeline(stagesOf(m)), candidates);
}

// stagesOf are the stages that ran, in their order.
function stagesOf(m) {
  return [
    ["Rewriting the question", m.query_rewriting_time_ms],
    ["Embedding the question", m.embedding_time_ms],
    ["Retrieval", m.retrieval_time_ms - (m.embedding_time_ms ?? 0)],
    ["Reranking", m.context_reranker_time_ms],
    ["Until the first word", m.llm_ttft_ms],
    ["Writing", m.llm_generation_time_ms - (m.llm_ttft_ms ?? 0)],
  ].filter(([, took]) => took > 0);
}

// timeline draws one bar for each stage, one after the other.
function timeline(stages) {
  const total = stages.reduce((sum, [, took]) => sum + took, 0) || 1;
  let from = 0;
  return bars("Time of each stage", stages.map(([name, took]) => {
    const at = 100 * from / total;
    from += took;
    return [name, at, 100 * took / total, duration(took)];
  }));
}

// bars is a table with a bar in each row: its name, where the bar begins, how long it is, in percent, and its value.
function bars(caption, rows) {
  return el("table", { class: "bars" },
    el("caption", {}, caption),
    el("thead", { class: "unseen" }, el("tr", {}, ["What", "Share", "Value"].map(t => el("th", { scope: "col" }, t)))),
    el("tbody", {}, rows.map(([name, from, length, value]) => el("tr", {},
      el("th", { scope: "row" }, name),
      el("td", { class: "wide" }, svg("svg", { viewBox: "0 0 100 4", preserveAspectRatio: "none", class: "bar", "aria-hidden": "true" },
        svg("rect", { x: 0, y: 1, width: 100, height: 2, class: "track" }),
        svg("rect", { x: from, y: 0, width: Math.max(.6, length), height: 4, class: "fill" }))),
      el("td", { class: "right" }, value)))));
}

async function showCandidates(into, turn, query) {
  let found;
  try {
    found = (await postJSON("v1/search", { query, explain: true })).explanation;
  } catch (e) {
    into.replaceChildren(el("p", { class: "error", role: "alert" }, "The candidates cannot be shown: " + e.message));
    return;
  }
  const used = new Set(turn.used().map(n => turn.citations[n - 1]?.metadata.chunk_id));
  const shown = found.candidates.filter(c => c.outcome !== "EqualText").slice(0, 30);
  into.replaceChildren(...[
    bars("Passages that each stage had", funnel(found, used.size)),
    shown.length > 0 && slopes(found, shown),
    table(shown, used),
    turn.asked > 1 && !turn.metrics.retrieval_query && el("p", { class: "muted" },
      "The candidates are those of this question alone. The answer’s search also weighed the questions before it."),
    whyNot(query),
  ].filter(Boolean));
}

// funnel counts the passages that each stage had.
function funnel(found, used) {
  const different = found.total_candidates - found.equal_texts;
  const rows = [
    found.vector && ["Found by vector", found.vector.candidates],
    found.keyword && ["Found by keyword", found.keyword.candidates],
    ["Different texts, fused", different],
    found.reranked && ["Reranked", Math.min(found.k, different)],
    ["Sent to the model", found.candidates.filter(c => c.outcome === "Found").length],
    ["Cited", used],
  ].filter(Boolean);
  const most = Math.max(1, ...rows.map(([, n]) => n));
  return rows.map(([name, n]) => [name, 0, 100 * n / most, n.toLocaleString("en")]);
}

let forms = 0;     // counts the fields for documents, for their ids
const depth = 20; // ranks that the drawing shows; what is beyond ends at its lower edge

// slopes draws the way of each candidate: a line from its rank by one stage to that by the next.
function slopes(found, candidates) {
  const stages = [["vector", "By vector"], ["keyword", "By keyword"], ["fused", "Fused"], ["reranking", "Reranked"]]
    .filter(([field]) => candidates.some(c => c[field]));
  const width = 600, left = 40, step = (width - 2 * left) / Math.max(1, stages.length - 1);
  const rows = Math.min(depth, Math.max(...candidates.flatMap(c => stages.map(([field]) => c[field]?.rank ?? 0)))) + 1;
  const at = standing => 30 + 14 * (Math.min(standing.rank || depth + 1, rows) - 1);
  const height = 30 + 14 * rows;
  const lines = [...candidates].sort((a, b) => (a.outcome === "Found") - (b.outcome === "Found")).map(c => {
    const points = stages.map(([field], i) => c[field] && [left + i * step, at(c[field])]).filter(Boolean);
    return svg("g", { class: c.outcome === "Found" ? "way found-way" : "way" },
      svg("polyline", { points: points.map(p => p.join(",")).join(" ") }), points.map(([x, y]) => svg("circle", { cx: x, cy: y, r: 3.5 })));
  });
  return el("figure", { class: "slopes" },
    svg("svg", { viewBox: "0 0 " + width + " " + height, role: "img",
      "aria-label": "The rank of each candidate by " + stages.map(([, name]) => name.toLowerCase()).join(", ") + "; the table has the figures" },
    stages.map(([, name], i) => svg("text", { x: left + i * step, y: 14, "text-anchor": "middle" }, name)), lines),
    el("figcaption", { class: "muted" }, "The way of " + count(candidates.length, "candidate") +
      " through the ranks, the best at the top. Those in colour went to the model."));
}

const ends = { Found: "to the model", BelowTopN: "not among the best", BelowK: "not reranked", BelowThreshold: "below the threshold",
  BelowCandidates: "not a candidate", Filtered: "filtered out", NoMatch: "no match", EqualText: "equal to another" };

function table(candidates, used) {
  const standing = s => s ? (s.rank ? "#" + s.rank + ", " : "") + s.score.toFixed(2) : "–";
  const columns = ["Passage", "By vector", "By keyword", "Fused", "Reranked", "Words", "Outcome"];
  return el("details", {}, el("summary", {}, "Ranks and scores"),
    el("div", { class: "table", tabindex: 0, role: "region", "aria-label": "Ranks and scores" }, el("table", {},
      el("thead", {}, el("tr", {}, columns.map(t => el("th", { scope: "col" }, t)))),
      el("tbody", {}, candidates.map(c => el("tr", {},
        el("th", { scope: "row" }, c.title + (c.heading ? ", " + c.heading : "")),
        [c.vector, c.keyword, c.fused, c.reranking].map(s => el("td", {}, standing(s))),
        el("td", {}, (c.matched_words ?? []).join(", ")),
        el("td", {}, used.has(c.chunk_id) ? "cited" : ends[c.outcome] ?? c.outcome)))))));
}

// whyNot asks why a document is not among the passages.
function whyNot(query) {
  const answer = el("p", { role: "status" });
  const field = el("input", { id: "why-" + ++forms, placeholder: "source/path of a document", required: true, autocomplete: "off" });
  const form = el("form", { class: "why-not" }, el("label", { for: field.id }, "Why was a document not found?"),
    el("div", { class: "row" }, field, el("button", { type: "submit" }, "Explain")), answer);
  form.addEventListener("submit", async event => {
    event.preventDefault();
    try {
      const { explanation } = await postJSON("v1/search", { query, explain: true, document: field.value.trim() });
      answer.textContent = sentence(explanation.document.message);
    } catch (e) {
      answer.textContent = sentence(e.message);
    }
  });
  return form;
}
