// Signing in at the issuer of the gateway's tokens: the browser goes there, and comes back with a code that the gateway
// exchanges for the user's token. Both steps are kept in the tab's session alone.
import { key, postJSON } from "./api.js";

const pending = "ragpipeline.sign-in", signOutPage = "ragpipeline.sign-out";

// offered reports whether the gateway signs users in, and asks for no key.
export const offered = document.querySelector("meta[name=sign-in]").content === "true";

let user = ""; // is whose token the page had last

// here is the page's own address, which the issuer knows.
const here = () => location.origin + location.pathname;

// subject is whom a token names.
function subject(token) {
  try {
    return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))).sub;
  } catch { // there is no token
    return "";
  }
}

// begin forgets the token, and leads the user to the issuer. The same user gets the value kept from finish.
export async function begin(kept) {
  user = subject(key.get()) || user;
  key.forget();
  const { authorization_url: url, ...secrets } = await postJSON("sign-in", { redirect_uri: here() });
  const login = { ...secrets, hash: location.hash, kept, user };
  try {
    sessionStorage.setItem(pending, JSON.stringify(login));
  } catch { // the conversation is larger than the session may be
    sessionStorage.setItem(pending, JSON.stringify({ ...login, kept: null }));
  }
  location.assign(url);
}

// finish takes what the issuer led the user back with. It returns what was kept for the user, or null if the user does not come from
// there, and throws an error that tells why there is no token.
export async function finish() {
  const back = new URLSearchParams(location.search);
  if (!offered || !back.has("state")) return null;
  const login = JSON.parse(sessionStorage.getItem(pending) ?? "null");
  sessionStorage.removeItem(pending);
  history.replaceState(null, "", here() + (login?.hash ?? ""));
  if (!login || login.state !== back.get("state")) throw new Error("This sign-in did not begin in this tab. Sign in again.");
  if (back.has("error")) throw new Error("The sign-in was not completed: " + (back.get("error_description") || back.get("error")) + ".");
  const session = await postJSON("sign-in/token", { code: back.get("code") ?? "", nonce: login.nonce,
    code_verifier: login.code_verifier, redirect_uri: here() });
  key.set(session.token);
  sessionStorage.setItem(signOutPage, session.sign_out_url ?? "");
  return { kept: subject(session.token) === login.user ? login.kept : null };
}

// end forgets the token, and ends the session at the issuer where that has a page for it.
export function end() {
  const page = sessionStorage.getItem(signOutPage);
  key.forget();
  sessionStorage.removeItem(signOutPage);
  if (page) location.assign(page);
  else location.reload();
}
