// The conversation: its turns, the field for the next question, and examples where there is no turn yet.
import { $, announce, count, el } from "./dom.js";
import { Turn } from "./turn.js";
import * as panel from "./panel.js";

const turns = [];
let running = null; // is the AbortController of the answer that is being written
let examples = [];
let losses = new Map();
let ready = true;
let changed = () => {};

// begin sets up the conversation; onanswer is called after each answer.
export function begin(onanswer) {
  changed = onanswer;
  $("composer").addEventListener("submit", event => {
    event.preventDefault();
    const question = $("question").value.trim();
    if (!question || running) return;
    $("question").value = "";
    grow();
    ask(question);
  });
  $("question").addEventListener("keydown", event => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    $("composer").requestSubmit();
  });
  $("question").addEventListener("input", grow);
  $("stop").addEventListener("click", () => running?.abort());
  $("restart").addEventListener("click", restart);
}

// show tells the conversation what the index holds, for its examples and its marks of lossy documents.
export function show({ state, documents, lost }) {
  losses = lost;
  ready = state.ready;
  examples = documents.map(d => d.title || d.document_name).filter((t, i, all) => t && all.indexOf(t) === i).slice(0, 3);
  drawWelcome(state);
}

// kept is what restore needs to go on with the conversation in the page when it is loaded again.
export function kept() {
  return { turns: turns.map(t => t.kept()), typed: $("question").value };
}

// restore shows a conversation as it was. A question that had no answer yet is asked again.
export function restore({ turns: earlier, typed }) {
  $("question").value = typed;
  for (const { unanswered, ...turn } of earlier) {
    if (unanswered) {
      ask(turn.question);
      return;
    }
    const shown = new Turn(turn.question, { losses, onretry: () => retry(shown) });
    turns.push(shown);
    $("turns").append(shown.element);
    shown.restore(turn);
  }
  $("welcome").hidden = turns.length > 0;
  drawControls();
}

function drawWelcome(state) {
  $("welcome").hidden = turns.length > 0;
  if (turns.length > 0) return;
  const name = state.pipeline.split("/").pop();
  const questions = examples.length > 0 ? examples.map(t => "What does “" + t + "” say?") : ["What are these documents about?"];
  $("welcome").replaceChildren(
    el("h2", {}, "Ask " + name),
    el("p", { class: "lead" }, state.documents > 0
      ? "Answers come from " + count(state.documents, "document") + ", and name the passages that they rest on."
      : "Answers come from the pipeline’s documents, and name the passages that they rest on."),
    el("ul", { class: "examples", "aria-label": "Example questions" }, questions.map(q =>
      el("li", {}, el("button", { type: "button", disabled: !ready, onclick: () => ask(q) }, q)))));
}

// grow fits the field to its lines.
function grow() {
  const field = $("question");
  field.style.height = "auto";
  field.style.height = Math.min(field.scrollHeight, 200) + "px";
}

async function ask(question, at = turns.length) {
  const turn = new Turn(question, { losses, onretry: () => retry(turn) });
  const replaced = turns[at];
  if (replaced) replaced.element.replaceWith(turn.element);
  else $("turns").append(turn.element);
  turns[at] = turn;
  panel.close();
  $("welcome").hidden = true;
  running = new AbortController();
  drawControls();
  turn.element.scrollIntoView({ block: "start" });
  $("question").focus();
  await turn.run(turns.slice(0, at).flatMap(t => t.history()), running.signal);
  running = null;
  drawControls();
  changed();
}

// retry asks a question again; the turns after it, which its answer led to, go.
function retry(turn) {
  const at = turns.indexOf(turn);
  if (at < 0 || running) return;
  for (const later of turns.splice(at + 1)) later.element.remove();
  ask(turn.question, at);
}

function restart() {
  running?.abort();
  panel.close();
  turns.length = 0;
  $("turns").replaceChildren();
  $("welcome").hidden = false;
  drawControls();
  announce("New conversation");
  $("question").focus();
  changed();
}

function drawControls() {
  const busy = running !== null;
  $("send").hidden = busy;
  $("stop").hidden = !busy;
  $("restart").hidden = turns.length === 0;
  $("question").placeholder = turns.length === 0 ? "Ask a question" : "Ask a follow-up";
  for (const t of turns) t.retry.disabled = busy;
}
