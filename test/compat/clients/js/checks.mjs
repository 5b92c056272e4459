// What the checks of every client share, as in ../checks.py.
import assert from "node:assert/strict";

export const server = JSON.parse(process.argv.at(-1));

/** The packages to check, which the arguments before the server name: releases are installed under names of their own. */
export const packages = await Promise.all(process.argv.slice(2, -1).map((name) => import(name)));

/** Runs the checks in order and reports each under the name of its function. */
export async function run(...checks) {
  for (const check of checks) {
    let error = null;
    try {
      await check();
    } catch (e) {
      error = String(e?.stack ?? e);
    }
    console.log(JSON.stringify({ name: check.name, error }));
  }
}

export function checkAnswer(text) {
  assert.equal(typeof text, "string");
  assert.match(text, /\[1\]/, "the answer cites nothing");
}

/** Checks the field citations, which clients show that keep fields they do not know. */
export function checkCitations(citations) {
  assert.ok(citations.total_results > 0 && citations.total_results === citations.results.length);
  for (const result of citations.results) assert.ok(result.content && result.document_name && result.document_id);
}

/** Checks OpenAI's annotations, which clients show that drop other fields. */
export function checkAnnotations(annotations) {
  assert.ok(annotations?.length > 0, "no annotations");
  for (const annotation of annotations) {
    assert.equal(annotation.type, "url_citation");
    const cited = annotation.url_citation ?? annotation; // stands a level deeper in a chat
    assert.match(cited.url, /\/v1\/documents\//);
    assert.ok(cited.title && cited.start_index < cited.end_index);
  }
}

/** A question that the LLM answers until it is left. */
export const slowQuestion = () => `${server.question} Say it slowly-${server.client}.`;

/** Checks that nobody works any more on an answer that the client has left. */
export async function checkCancelled() {
  const reply = await fetch(server.cancelled, { signal: AbortSignal.timeout(30_000) });
  assert.equal(reply.status, 200);
}

/** Checks that the promise is rejected with the status, and with a message that has the text. */
export async function checkRefused(promise, status, text = "") {
  await assert.rejects(promise, (e) => {
    assert.equal(e.status ?? e.statusCode, status, String(e));
    assert.ok(e.message.includes(text), e.message);
    return true;
  });
}
