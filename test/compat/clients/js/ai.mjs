// Vercel's AI SDK: its provider for OpenAI, which uses responses by default, and that for servers like OpenAI's.
import assert from "node:assert/strict";

import { checkAnswer, checkCancelled, checkRefused, packages, run, server, slowQuestion } from "./checks.mjs";

const [{ embedMany, generateText, streamText }, { createOpenAI }, { createOpenAICompatible }] = packages;

globalThis.AI_SDK_LOG_WARNINGS = false;

const openai = (apiKey = server.key, baseURL = server.base_url) => createOpenAI({ baseURL, apiKey });
const compatible = createOpenAICompatible({ name: "rag", baseURL: server.base_url, apiKey: server.key });
const asked = { prompt: server.question, maxRetries: 0 };

async function textOf(stream) {
  let text = "";
  for await (const piece of stream.textStream) text += piece;
  return text;
}

async function chats() {
  for (const model of [openai().chat(server.chat), compatible(server.chat)]) {
    checkAnswer((await generateText({ model, ...asked })).text);
  }
}

async function streams() {
  for (const model of [openai().chat(server.chat), compatible(server.chat)]) {
    checkAnswer(await textOf(streamText({ model, ...asked })));
  }
}

async function responds() {
  checkAnswer((await generateText({ model: openai().responses(server.chat), ...asked })).text);
}

async function responds_streamed() {
  checkAnswer(await textOf(streamText({ model: openai().responses(server.chat), ...asked })));
}

function checkSources(sources) {
  assert.ok(sources.length > 0, "no sources");
  for (const source of sources) assert.ok(source.url.includes("/v1/documents/") && source.title);
}

async function shows_sources() {
  for (const model of [openai().responses(server.chat), openai().chat(server.chat)]) {
    checkSources((await generateText({ model, ...asked })).sources);
    const stream = streamText({ model, ...asked });
    await textOf(stream);
    checkSources(await stream.sources);
  }
}

async function embeds() {
  const { embeddings } = await embedMany({ model: openai().embedding(server.embedding), values: ["an index", "a gateway"] });
  assert.equal(embeddings.length, 2);
  assert.ok(embeddings[0].some((x) => x !== 0));
}

async function is_told_errors() {
  await checkRefused(generateText({ model: openai().responses("nope"), ...asked }), 404, "model");
  await checkRefused(generateText({ model: compatible("nope"), ...asked }), 404, "model");
}

async function is_told_errors_of_overload() {
  const model = openai(server.key, server.overloaded).chat(server.chat);
  await checkRefused(generateText({ model, ...asked }), 503, "overloaded");
}

async function cancels() {
  const leaving = new AbortController();
  const stream = streamText({
    model: openai().responses(server.chat), prompt: slowQuestion(), maxRetries: 0, abortSignal: leaving.signal, onError() {},
  });
  for await (const _ of stream.textStream) break;
  leaving.abort();
  await checkCancelled();
}

async function is_refused_with_a_wrong_key() {
  await checkRefused(generateText({ model: openai("wrong").responses(server.chat), ...asked }), 401);
}

await run(chats, streams, responds, responds_streamed, shows_sources, embeds, is_told_errors,
  is_told_errors_of_overload, cancels, is_refused_with_a_wrong_key);
