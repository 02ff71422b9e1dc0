// Who is signed in. The access token lives in this module's memory alone; the refresh token is in a cookie that no
// script reads. A mark in the browser's storage says that there may be one, so that strangers are not asked for it.
import { failure, offline } from "./api/failure";
import type { components } from "./api/schema.gen";

export type User = components["schemas"]["User"];
type SignedIn = components["schemas"]["SignedIn"];
type ProblemBody = components["schemas"]["ProblemBody"];

interface State {
  token: string;
  user: User;
}

const MARK = "crm.signed-in";
let state: State | null = null;
let renewal: Promise<string | null> | null = null;
/** How the last login ended: by its user, or by the host. */
let end: "out" | "ended" | null = null;
const listeners = new Set<() => void>();

function become(next: State | null): void {
  state = next;
  try {
    if (next) localStorage.setItem(MARK, "1");
    else localStorage.removeItem(MARK);
  } catch {
    // A browser without storage signs in again after a reload.
  }
  for (const listener of listeners) listener();
}

function marked(): boolean {
  try {
    return localStorage.getItem(MARK) !== null;
  } catch {
    return false;
  }
}

function post(path: string, body: unknown, token?: string): Promise<Response> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  return fetch(path, { method: "POST", headers, body: JSON.stringify(body), credentials: "same-origin" });
}

/** Signs in. Resolves to the problem when it is refused. */
export async function signIn(email: string, password: string): Promise<ProblemBody | null> {
  const answer = await post("/api/auth/login", { email, password, cookie: true });
  if (!answer.ok) return (await answer.json()) as ProblemBody;
  const signedIn = (await answer.json()) as SignedIn;
  become({ token: signedIn.access_token, user: signedIn.user });
  return null;
}

/** One tab after the other: a refresh token that is used twice ends the whole login. */
async function alone(work: () => Promise<Response>): Promise<Response> {
  // Browsers have locks on secure origins alone.
  if (!("locks" in navigator)) return work();
  return await navigator.locks.request("crm.refresh", work);
}

async function ask(): Promise<string | null> {
  const answer = await alone(() => post("/api/auth/refresh", { cookie: true }));
  if (answer.ok) {
    const signedIn = (await answer.json()) as SignedIn;
    become({ token: signedIn.access_token, user: signedIn.user });
    return signedIn.access_token;
  }
  // Only a refusal ends the login; a host that is away for now does not.
  if (answer.status !== 401) throw failure(answer, null);
  if (state) end = "ended";
  become(null);
  return null;
}

/** The token that follows `used`, which was refused; null when the login has ended. Asked for once at a time. */
export function renew(used: string | null): Promise<string | null> {
  if (state && state.token !== used) return Promise.resolve(state.token);
  renewal ??= ask().finally(() => (renewal = null));
  return renewal;
}

/** Goes on with the login of an earlier page, if there is one. */
export async function restore(): Promise<State | null> {
  try {
    if (!state && marked()) await renew(null);
  } catch (reason) {
    throw offline(reason);
  }
  return state;
}

export async function signOut(): Promise<void> {
  const token = state?.token;
  try {
    let answer = token ? await post("/api/auth/logout", {}, token) : null;
    if (answer?.status === 401) {
      const next = await renew(token ?? null);
      if (next) answer = await post("/api/auth/logout", {}, next);
    }
  } finally {
    end = "out";
    become(null);
  }
}

/** How the last login ended. Told once. */
export function takeEnd(): "out" | "ended" | null {
  const told = end;
  end = null;
  return told;
}

export function current(): State | null {
  return state;
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
