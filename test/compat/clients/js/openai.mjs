// The OpenAI SDK for JavaScript.
import assert from "node:assert/strict";

import { checkAnnotations, checkAnswer, checkCancelled, checkCitations, checkRefused, packages, run, server, slowQuestion } from "./checks.mjs";

const [{ default: OpenAI }] = packages;

const clientWith = (apiKey, baseURL = server.base_url) => new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 60_000 });
const client = clientWith(server.key);
const ask = (options, to = client) =>
  to.chat.completions.create({ model: server.chat, messages: [{ role: "user", content: server.question }], ...options });

async function chats() {
  checkAnswer((await ask()).choices[0].message.content);
}

async function streams() {
  let text = "";
  let last;
  for await (const chunk of await ask({ stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta.content ?? "";
    last = chunk;
  }
  checkAnswer(text);
  assert.ok(last.usage.total_tokens > 0);
}

async function responds() {
  checkAnswer((await client.responses.create({ model: server.chat, input: server.question })).output_text);
}

async function responds_streamed() {
  const stream = client.responses.stream({ model: server.chat, input: server.question });
  let text = "";
  for await (const event of stream) if (event.type === "response.output_text.delta") text += event.delta;
  checkAnswer(text);
  const whole = await stream.finalResponse();
  assert.equal(whole.output_text ?? whole.output[0].content[0].text, text); // version 4 has no output_text here
}

async function shows_sources() {
  const completion = await ask();
  checkCitations(completion.citations);
  checkAnnotations(completion.choices[0].message.annotations);
  const response = await client.responses.create({ model: server.chat, input: server.question });
  checkCitations(response.citations);
  checkAnnotations(response.output[0].content[0].annotations);
}

async function embeds() {
  const reply = await client.embeddings.create({ model: server.embedding, input: ["an index", "a gateway"] });
  assert.equal(reply.data.length, 2);
  assert.ok(reply.data[0].embedding.some((x) => x !== 0));
}

async function is_told_errors() {
  await checkRefused(ask({ model: "nope" }), 404, "model");
  await checkRefused(ask({ messages: [] }), 400, "messages");
}

async function is_told_errors_of_overload() {
  await checkRefused(ask({}, clientWith(server.key, server.overloaded)), 503, "overloaded");
}

async function cancels() {
  const stream = await ask({ stream: true, messages: [{ role: "user", content: slowQuestion() }] });
  for await (const _ of stream) break;
  stream.controller.abort();
  await checkCancelled();
}

async function is_refused_with_a_wrong_key() {
  await checkRefused(clientWith("wrong").models.list(), 401);
}

await run(chats, streams, responds, responds_streamed, shows_sources, embeds, is_told_errors, is_told_errors_of_overload,
  cancels, is_refused_with_a_wrong_key);
