// Which drafts are shown and in which order: what has to be decided first stands first.
import type { Schemas } from "../api/client";
import { risk } from "./marks";

export type Message = Schemas["Message"];

export const SORTS = ["deadline", "risk"] as const;
export type Sort = (typeof SORTS)[number];

/** When it is too late to decide: when it is to leave, or when it may no longer. */
export function deadline(message: Pick<Message, "scheduled_for" | "expires_at">): string | null {
  const [at, until] = [message.scheduled_for ?? null, message.expires_at ?? null];
  if (at === null || until === null) return at ?? until;
  return Date.parse(at) <= Date.parse(until) ? at : until;
}

function time(message: Message): number {
  const at = deadline(message);
  // What leaves as soon as it is approved has all the time there is.
  return at === null ? Number.POSITIVE_INFINITY : Date.parse(at);
}

/** By deadline and then risk, or by risk and then deadline; the oldest first among equals. Put off ones stand last. */
export function sorted(messages: Message[], sort: Sort, later: ReadonlySet<string>): Message[] {
  const compare = (a: Message, b: Message) => {
    const put = Number(later.has(a.id)) - Number(later.has(b.id));
    const [first, second] = [time(a), time(b)];
    const due = first === second ? 0 : first - second;
    const grave = risk(b.findings) - risk(a.findings);
    const main = sort === "deadline" ? due || grave : grave || due;
    return put || main || a.created_at.localeCompare(b.created_at) || a.id.localeCompare(b.id);
  };
  return [...messages].sort(compare);
}

/** The one that follows in a list from which the current one may be gone: then the one that took its place. */
export function neighbour(ids: string[], current: string | null, place: number, step: 1 | -1): string | null {
  if (ids.length === 0) return null;
  const here = current === null ? -1 : ids.indexOf(current);
  const to = here >= 0 ? here + step : step === 1 ? place : place - 1;
  return ids[Math.max(0, Math.min(to, ids.length - 1))] ?? null;
}

/** Which one comes up when the current one has been decided. */
export function following(ids: string[], decided: string): string | null {
  const here = ids.indexOf(decided);
  return ids[here + 1] ?? ids[here - 1] ?? null;
}
