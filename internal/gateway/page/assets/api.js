// The gateway's API, with the caller's key. The key is kept for the tab's session, so that a reload does not lose it.

const stored = "ragpipeline.key";
let onLocked = () => {};

export const key = {
  get: () => sessionStorage.getItem(stored) || "",
  set: value => sessionStorage.setItem(stored, value),
  forget: () => sessionStorage.removeItem(stored),
};

// whenLocked sets what is called with an Unauthorized when the gateway asks for a key, or for another one.
export function whenLocked(handler) { onLocked = handler; }

// Failed is an error that the gateway told: the message is for the user, status and code for the page.
export class Failed extends Error {
  constructor(message, status, code) {
    super(message);
    Object.assign(this, { status, code });
  }
}

// request sends a request, and returns the response if it is a success.
export async function request(path, options = {}) {
  const headers = { ...options.headers };
  if (options.body) headers["Content-Type"] = "application/json";
  if (key.get()) headers.Authorization = "Bearer " + key.get();
  let response;
  try {
    response = await fetch(path, { ...options, headers, credentials: "same-origin" });
  } catch (e) {
    if (e.name === "AbortError") throw e;
    throw new Failed("The gateway cannot be reached. Check the connection, then try again.", 0, "Unreachable");
  }
  if (response.ok) return response;
  const failure = await failureOf(response);
  if (response.status === 401) onLocked(failure);
  throw failure;
}

async function failureOf(response) {
  try {
    const { error } = await response.json();
    return new Failed(error.message, response.status, error.code);
  } catch {
    return new Failed("The gateway replied with status " + response.status + ".", response.status, "");
  }
}

export const getJSON = async (path, options) => (await request(path, options)).json();

export const postJSON = async (path, body, options) =>
  (await request(path, { ...options, method: "POST", body: JSON.stringify(body) })).json();

// documentPath is the path of a document; its slashes stay.
export function documentPath(id, suffix = "") {
  return "v1/documents/" + id.split("/").map(encodeURIComponent).join("/") + suffix;
}

// chat asks a conversation's last question, and calls on with each event of the answer.
export async function chat(messages, signal, on) {
  const response = await request("v1/chat/completions", { method: "POST", signal,
    body: JSON.stringify({ messages, stream: true, stream_options: { include_progress: true } }) });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "", done = false;
  for (;;) {
    const piece = await reader.read();
    if (piece.done) break;
    const events = (rest + piece.value).split("\n\n");
    rest = events.pop();
    for (const data of events.flatMap(dataOf)) {
      if (data === "[DONE]") { done = true; continue; }
      const event = JSON.parse(data);
      if (event.error) throw new Failed(event.error.message, 200, event.error.code);
      on(event);
    }
  }
  if (!done) throw new Failed("The connection ended before the answer did.", 200, "CutOff");
}

// dataOf leaves out the comments that keep a silent connection open.
const dataOf = event => event.split("\n").filter(line => line.startsWith("data: ")).map(line => line.slice(6));

// download saves a document's bytes, or its text where the gateway no longer has those. A link would lack the key.
export async function download(id) {
  const response = await request(documentPath(id, "/content"));
  const extracted = response.headers.get("X-Document-Content") === "extracted";
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = id.split("/").pop() + (extracted ? ".txt" : "");
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60000); // the browser reads it after the click
}
