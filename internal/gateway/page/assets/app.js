// The page: which view is shown, whether a key is needed, and how fresh the index is.
import { $, ago, announce, count, el } from "./dom.js";
import { getJSON, key, whenLocked } from "./api.js";
import * as conversation from "./conversation.js";
import * as documents from "./documents.js";
import * as panel from "./panel.js";
import * as signIn from "./signin.js";

// The state of the index is read again this often, in milliseconds: while it is being built, and after that.
const whileBuilding = 2000, afterwards = 30000;
let state = null; // is the reply of v1/index
let timer = 0;
let unproved = false; // reports whether the gateway has yet to take the token of a sign-in
let renewing = false;

// refresh reads the state of the index, and draws what depends on it.
async function refresh() {
  clearTimeout(timer);
  let wait = afterwards;
  try {
    state = await getJSON("v1/index");
    unproved = false;
    const [listed, lost] = await Promise.all([getJSON("v1/documents?limit=20&state=Indexed"), losses(state)]);
    unlock();
    drawState();
    conversation.show({ state, documents: listed.documents, lost });
    if (!state.ready || state.progress) wait = whileBuilding;
    await route();
  } catch (e) {
    wait = whileBuilding;
    if (e.status !== 401) banner("error", e.message);
    else wait = 0;
  }
  if (wait) timer = setTimeout(refresh, wait);
}

// losses has, by document, what of it could not be read.
async function losses({ documents_with_warnings: warned }) {
  if (!warned) return new Map();
  const page = await getJSON("v1/documents?limit=1000&warnings=true");
  return new Map(page.documents.map(d => [d.document_id, documents.describe(d.warnings)]));
}

function drawState() {
  $("pipeline").textContent = state.pipeline.split("/").pop();
  document.title = $("pipeline").textContent;
  $("freshness").textContent = count(state.documents, "document") + (state.last_sync ? ", updated " + ago(state.last_sync) : "");
  $("forget-key").hidden = !key.get();
  if (!state.ready || !state.last_sync) banner("notice", building());
  else if (state.documents === 0) banner("notice", "The index is empty: it has no document, or none that you may see, so there is nothing to answer from.");
  else if (state.progress) banner("quiet-note", "The index is being brought up to date: " + progress() + ".");
  else banner();
}

function building() {
  return "The index is being built" + (state.progress ? ": " + progress() : "") + ". " + (state.documents > 0 ? count(state.documents,
    "document") + " can be seen already; answers" : "Answers") + " come as soon as it is complete. This page follows by itself.";
}

function progress() {
  const { documents_done: done, documents_total: total, seconds_left: left } = state.progress;
  return done.toLocaleString("en") + " of " + count(total, "document") + (left ? ", about " + count(Math.ceil(left / 60), "minute") + " left" : "");
}

// banner shows one message above every view, or none.
function banner(kind, text) {
  if ($("banner").textContent === (text ?? "")) return;
  $("banner").replaceChildren(...(text ? [el("p", { class: kind }, text)] : []));
  if (text) announce(text);
}

// route shows the view that the address names.
async function route() {
  if (locked()) return;
  const [view, id = ""] = location.hash.replace(/^#\/?/, "").split(/\/(.*)/s);
  const inDocuments = view === "documents";
  $("ask").hidden = inDocuments;
  $("documents").hidden = !inDocuments;
  for (const [link, current] of [["nav-ask", !inDocuments], ["nav-documents", inDocuments]]) {
    if (current) $(link).setAttribute("aria-current", "page");
    else $(link).removeAttribute("aria-current");
  }
  if (inDocuments) await documents.show(decoded(id), state);
}

// decoded is a part of the address; one that nobody encoded stays as it is.
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const locked = () => !$("lock").hidden || !$("sign-in").hidden;

// lock hides everything behind the question for a key, or leads to the issuer of tokens.
function lock() {
  const tried = key.get() !== "";
  if (renewing || !tried && locked()) return; // of a request beside the one that was told
  if (signIn.offered && tried && !unproved) {
    renew();
    return;
  }
  hide();
  if (tried) key.forget();
  if (signIn.offered) {
    askWho(tried ? "The gateway does not accept this sign-in. Ask its owner why." : "");
    return;
  }
  $("lock").hidden = false;
  $("lock-error").textContent = tried ? "The gateway does not accept this key. Check it, or ask its owner for another." : "";
  $("key").toggleAttribute("aria-invalid", tried);
  document.title = "Key needed";
  $("key").focus();
}

function hide() {
  panel.close();
  for (const id of ["ask", "documents"]) $(id).hidden = true;
  $("forget-key").hidden = true;
  banner();
}

function askWho(error) {
  hide();
  $("sign-in").hidden = false;
  $("sign-in-error").textContent = error;
  document.title = "Sign in";
  $("sign-in-begin").focus();
}

// renew leads to the issuer again once a token has expired. The issuer asks for nothing while the user's session there
// lasts, and the conversation goes on where it was.
async function renew() {
  renewing = true;
  clearTimeout(timer);
  banner("notice", "The sign-in has expired, and is being renewed.");
  await lead();
  renewing = false;
}

// lead begins a sign-in, or tells why that is not possible.
async function lead() {
  try {
    await signIn.begin(conversation.kept());
  } catch (e) {
    askWho(e.message);
  }
}

function unlock() {
  if (!locked()) return;
  $("lock").hidden = true;
  $("sign-in").hidden = true;
  $("key").value = "";
}

// start takes up a sign-in that the user comes back from, and shows the page.
async function start() {
  try {
    const back = await signIn.finish();
    unproved = back !== null;
    await refresh();
    if (back?.kept && !locked()) conversation.restore(back.kept);
  } catch (e) {
    askWho(e.message);
  }
}

whenLocked(lock);
$("lock-form").addEventListener("submit", event => {
  event.preventDefault();
  key.set($("key").value.trim());
  refresh();
});
$("sign-in-begin").addEventListener("click", lead);
if (signIn.offered) $("forget-key").textContent = "Sign out";
$("forget-key").addEventListener("click", () => {
  if (signIn.offered) {
    signIn.end();
    return;
  }
  key.forget();
  location.reload();
});
addEventListener("hashchange", async () => {
  panel.close();
  await route();
  $("main").focus();
});
addEventListener("pageshow", event => { if (event.persisted) location.reload(); }); // back from the issuer without a sign-in
addEventListener("keydown", event => { if (event.key === "Escape") panel.close(); });
conversation.begin(refresh);
start();
