// "How was this found": the stages of an answer, what each gave its passages, and how long it took.
import { duration, el, svg } from "./dom.js";

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

// explain draws how a turn's answer was found.
export function explain(turn) {
  const m = turn.metrics;
  return el("section", { class: "explanation", "aria-label": "How this was found" },
    m.retrieval_query && el("p", {}, "The documents were searched for: ", el("q", {}, m.retrieval_query)),
    m.ungrounded && el("p", {}, "The model answered without the documents."),
    timeline(stagesOf(m)),
    turn.citations.length > 0 && passages(turn));
}

// timeline draws one bar for each stage, one after the other.
function timeline(stages) {
  const total = stages.reduce((sum, [, took]) => sum + took, 0) || 1;
  let from = 0;
  const rows = stages.map(([name, took]) => {
    const bar = svg("svg", { viewBox: "0 0 100 4", preserveAspectRatio: "none", class: "bar", "aria-hidden": "true" },
      svg("rect", { x: 0, y: 1, width: 100, height: 2, class: "track" }),
      svg("rect", { x: 100 * from / total, y: 0, width: Math.max(.6, 100 * took / total), height: 4, class: "fill" }));
    from += took;
    return el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: "wide" }, bar), el("td", { class: "right" }, duration(took)));
  });
  return el("table", { class: "times" },
    el("caption", {}, "Time of each stage"),
    el("thead", { class: "unseen" }, el("tr", {}, ["Stage", "Share", "Time"].map(t => el("th", { scope: "col" }, t)))),
    el("tbody", {}, rows));
}

// passages draws what each stage gave the passages that went to the model.
function passages(turn) {
  const used = new Set(turn.used());
  const found = turn.citations.map((c, i) => ({ n: i + 1, title: c.metadata.title || c.document_name, ...c.metadata, score: c.score }));
  const columns = [
    ["By vector", "vector_score"], ["By keyword", "keyword_score"], ["Fused", "fused_score"], ["Reranked", "reranker_logit"],
  ].filter(([, field]) => found.some(p => p[field] !== undefined));
  const ranks = Object.fromEntries(columns.map(([, field]) => [field, rank(found, field)]));
  return el("div", { class: "table", tabindex: 0, role: "region", "aria-label": "What each stage gave" },
    el("table", {},
      el("caption", {}, "The passages that went to the model"),
      el("thead", {}, el("tr", {}, ["Passage", ...columns.map(([name]) => name), "Score", "In the answer"].map(t => el("th", { scope: "col" }, t)))),
      el("tbody", {}, found.map(p => el("tr", {},
        el("th", { scope: "row" }, "[" + p.n + "] " + p.title),
        columns.map(([, field]) => el("td", {}, scored(p[field], ranks[field].get(p.n), ranks[field].size))),
        el("td", { class: "right" }, p.score.toFixed(2)),
        el("td", {}, used.has(p.n) ? "cited" : "not cited"))))));
}

function rank(found, field) {
  const order = found.filter(p => p[field] !== undefined).sort((a, b) => b[field] - a[field]);
  return new Map(order.map((p, i) => [p.n, i + 1]));
}

function scored(score, rank, of) {
  if (score === undefined) return el("span", { class: "muted" }, "not found");
  return [svg("svg", { viewBox: "0 0 40 4", class: "spark", "aria-hidden": "true" },
    svg("rect", { x: 0, y: 0, width: 40, height: 4, class: "track" }),
    svg("rect", { x: 0, y: 0, width: 40 * (of - rank + 1) / of, height: 4, class: "fill" })),
  " ", el("span", {}, score.toFixed(2))];
}
