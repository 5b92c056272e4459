// One turn of a conversation: a question, how far its answer is, the answer, and what it rests on.
import { announce, count, duration, el, placeOf, sentence } from "./dom.js";
import { chat } from "./api.js";
import { render } from "./markdown.js";
import { open } from "./panel.js";
import { statements, stemsOf } from "./words.js";
import { explain } from "./found.js";

const stages = { rewriting: "Reading the question", index: "Searching the documents", reranking: "Ranking what was found",
  llm: "Writing the answer" };

export class Turn {
  // losses has, by document, what of it could not be read.
  constructor(question, { losses, onretry }) {
    Object.assign(this, { question, losses, answer: "", citations: [], cited: null, warnings: [], metrics: null, state: "waiting" });
    this.steps = el("ol", { class: "steps", "aria-label": "Progress" });
    this.body = el("div", { class: "answer" });
    this.notes = el("div", { class: "notes" });
    this.sources = el("div", { class: "sources" });
    this.actions = el("div", { class: "actions" });
    this.retry = el("button", { type: "button", class: "quiet", onclick: onretry }, "Retry");
    this.element = el("article", { class: "turn", "aria-busy": "true" },
      el("h2", { class: "question" }, question), this.steps, this.body, this.notes, this.sources, this.actions);
  }

  // run asks the question at the end of the history, and returns when the answer is complete, has failed or was stopped.
  async run(history, signal) {
    this.asked = history.length / 2 + 1; // counts the questions of the conversation so far
    this.step("index");
    announce(stages.index);
    try {
      await chat([...history, { role: "user", content: this.question }], signal, event => this.take(event));
      this.end("done");
    } catch (e) {
      this.failure = e;
      this.end(signal.aborted ? "stopped" : "failed");
    }
  }

  take(event) {
    if (event.progress) this.step(event.progress.stage, event.progress.passages);
    if (event.citations) this.citations = event.citations.results;
    if (event.cited) this.cited = event.cited;
    if (event.warnings) this.warnings.push(...event.warnings);
    if (event.metrics) this.metrics = event.metrics;
    for (const choice of event.choices ?? []) this.answer += choice.delta?.content ?? "";
    if (!this.drawing) this.drawing = requestAnimationFrame(() => this.draw());
  }

  // step shows that a stage has begun, and how long the one before it took.
  step(stage, passages) {
    if (this.steps.lastChild?.dataset.stage === stage) {
      if (passages) this.steps.lastChild.querySelector(".what").textContent = stages[stage] + " (" + count(passages, "passage") + ")";
      return;
    }
    this.closeStep();
    const item = el("li", { "data-stage": stage, class: "busy" },
      el("span", { class: "what" }, stages[stage] + (passages ? " (" + count(passages, "passage") + ")" : "")), el("span", { class: "took" }));
    item.began = performance.now();
    this.steps.append(item);
    if (stage !== "index") announce(stages[stage]);
  }

  closeStep() {
    const last = this.steps.lastChild;
    if (!last?.classList.contains("busy")) return;
    last.classList.remove("busy");
    last.querySelector(".took").textContent = duration(performance.now() - last.began);
  }

  draw() {
    this.drawing = 0;
    if (this.state === "waiting" && this.answer) this.state = "writing";
    this.body.replaceChildren(...render(this.answer, n => this.cite(n)));
  }

  // cite makes the button of a citation [n].
  cite(n) {
    if (n < 1 || n > this.citations.length) return null;
    const { title } = this.citations[n - 1].metadata;
    return el("button", { type: "button", class: "cite", "aria-label": "Source " + n + ": " + title,
      onclick: () => this.open(n) }, String(n));
  }

  open(n) {
    const citation = this.citations[n - 1];
    const stems = stemsOf(this.question + " " + statements(this.answer, n));
    open(citation, { which: "Source " + n, stems, losses: this.losses.get(citation.document_id) });
  }

  end(state) {
    cancelAnimationFrame(this.drawing);
    this.state = state;
    this.closeStep();
    this.draw();
    this.steps.remove();
    this.element.setAttribute("aria-busy", "false");
    this.notes.replaceChildren(...this.warnings.map(w => el("p", { class: "notice" }, sentence(w.message))));
    if (state === "failed") this.notes.append(el("p", { class: "error", role: "alert" }, sentence(this.failure.message)));
    if (state === "stopped") this.notes.append(el("p", { class: "notice" }, "Stopped. The answer above is not complete."));
    if (this.citations.length > 0) this.sources.replaceChildren(...this.listSources());
    this.actions.replaceChildren(...this.listActions());
    announce({ done: "The answer is complete, with " + count(this.used().length, "source") + ".", stopped: "Stopped.", failed: "" }[state]);
  }

  // used has the n of the citations that the answer has; of an answer that does not tell, all of them.
  used() { return this.cited ?? this.citations.map((_, i) => i + 1); }

  listSources() {
    const used = new Set(this.used());
    const numbers = this.citations.map((_, i) => i + 1);
    const others = numbers.filter(n => !used.has(n));
    const list = ns => el("ol", { class: "source-list" }, ns.map(n => el("li", {}, this.source(n))));
    return [
      used.size > 0 && el("h3", {}, "Sources"),
      used.size > 0 && list(numbers.filter(n => used.has(n))),
      others.length > 0 && el("details", {},
        el("summary", {}, count(others.length, "passage") + " found but not cited"), list(others)),
    ].filter(Boolean);
  }

  source(n) {
    const c = this.citations[n - 1];
    return el("button", { type: "button", class: "source", onclick: () => this.open(n) },
      el("span", { class: "number" }, String(n)),
      el("span", {}, el("span", { class: "source-title" }, c.metadata.title || c.document_name), " ",
        el("span", { class: "muted" }, [c.document_id, placeOf(c.metadata)].filter(Boolean).join(", ")),
        this.losses.has(c.document_id) && el("span", { class: "tag" }, "only partly read")));
  }

  listActions() {
    const found = el("div", { class: "found" });
    const how = el("button", { type: "button", class: "quiet", "aria-expanded": "false" }, "How was this found?");
    how.addEventListener("click", () => {
      const opens = how.getAttribute("aria-expanded") === "false";
      how.setAttribute("aria-expanded", String(opens));
      found.replaceChildren(...(opens ? [explain(this)] : []));
      if (opens) how.scrollIntoView({ block: "start" });
    });
    const copy = el("button", { type: "button", class: "quiet", onclick: async () => {
      await navigator.clipboard.writeText(this.answer);
      announce("Copied");
    } }, "Copy");
    return [
      el("div", { class: "row" }, this.retry, this.answer && navigator.clipboard && copy, this.metrics && how,
        this.metrics?.total_time_ms && el("span", { class: "muted" }, duration(this.metrics.total_time_ms))),
      found,
    ];
  }

  // kept is what restore needs. The question of a turn that goes on is to be asked again.
  kept() {
    const { question, asked, answer, citations, cited, warnings, metrics, state } = this;
    const unanswered = state === "waiting" || state === "writing" || this.failure?.status === 401;
    return { question, asked, answer, citations, cited, warnings, metrics, state, failure: this.failure?.message, unanswered };
  }

  // restore shows a turn as it ended.
  restore({ state, failure, ...turn }) {
    Object.assign(this, turn, { failure: failure && { message: failure } });
    this.end(state);
  }

  // history is what later questions are asked with.
  history() {
    if (this.state !== "done") return [];
    return [{ role: "user", content: this.question }, { role: "assistant", content: this.answer }];
  }
}
