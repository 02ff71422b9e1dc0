// The API, typed by the host's own document. A token that has run out is renewed once, and the call repeated.
import createClient from "openapi-fetch";

import { current, renew } from "../session";
import { failure, offline } from "./failure";
import type { components, paths } from "./schema.gen";

export type Schemas = components["schemas"];

function bearing(request: Request, token: string | null): Request {
  if (token) request.headers.set("authorization", `Bearer ${token}`);
  return request;
}

/** With the token of whoever is signed in. */
export async function authorised(request: Request): Promise<Response> {
  const again = request.clone();
  const token = current()?.token ?? null;
  const answer = await fetch(bearing(request, token));
  if (answer.status !== 401 || token === null) return answer;
  const next = await renew(token);
  return next === null ? answer : fetch(bearing(again, next));
}

export const api = createClient<paths>({ baseUrl: "/", fetch: authorised });

/** What a call answered, or its failure as an exception. */
export async function told<T>(
  call: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<NonNullable<T>> {
  let done;
  try {
    done = await call;
  } catch (reason) {
    throw offline(reason);
  }
  if (done.response.ok && done.data !== undefined && done.data !== null) return done.data;
  throw failure(done.response, done.error);
}

/** A call that answers nothing but that it was done; its failure as an exception. */
export async function finished(call: Promise<{ error?: unknown; response: Response }>): Promise<void> {
  let done;
  try {
    done = await call;
  } catch (reason) {
    throw offline(reason);
  }
  if (!done.response.ok) throw failure(done.response, done.error);
}

/** A key of one intent: however often it is sent, it acts once. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A stream of server-sent events, with the token that browsers' own streams cannot carry. */
export function stream(path: string, signal: AbortSignal): Promise<Response> {
  return authorised(new Request(path, { headers: { accept: "text/event-stream" }, signal }));
}
