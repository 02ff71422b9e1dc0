// The page of events that an address asks for.
import { useQuery } from "@tanstack/react-query";

import { usePace } from "../live";
import {
  chainQuery,
  checkpointQuery,
  EVENTS_PAGE,
  narrowing,
  subjectQuery,
  type AuditSearch,
  type SealedEvent,
} from "./queries";

/** Which part of a chain of `total` is on the page, as places behind `after` and up to `to`. */
export function part(search: AuditSearch, total: number): { skip: number; after: number; to: number } {
  if (search.order === "oldest") {
    const after = Math.min(search.at ?? 0, total);
    return { skip: after, after, to: Math.min(after + EVENTS_PAGE, total) };
  }
  const to = Math.min(search.at ?? total, total);
  return { skip: total - to, after: Math.max(0, to - EVENTS_PAGE), to };
}

/** The address of the page that has `skip` before it. What is newer than a page does not move it. */
export function moved(search: AuditSearch, skip: number, total: number): AuditSearch {
  const rest = { ...narrowing(search), ...(search.order ? { order: search.order } : {}) };
  if (skip === 0) return rest;
  return { ...rest, at: search.order === "oldest" ? skip : total - skip };
}

export interface EventPage {
  events: SealedEvent[];
  total: number;
  skip: number;
  pending: boolean;
  stale: boolean;
  error: unknown;
  again: () => void;
}

export function useEventPage(search: AuditSearch): EventPage {
  const pace = usePace(true);
  const narrowed = search.message !== undefined || search.contact !== undefined;
  const subject = useQuery({ ...subjectQuery(search), refetchInterval: pace });
  const end = useQuery({ ...checkpointQuery, refetchInterval: pace, enabled: !narrowed });
  const total = narrowed ? (subject.data?.length ?? 0) : (end.data?.position ?? 0);
  const { skip, after, to } = part(search, total);
  const chain = useQuery({ ...chainQuery(after, to), enabled: !narrowed && end.data !== undefined });
  const found = narrowed ? subject.data?.slice(after, to) : chain.data;
  const events = found ?? [];
  const asked = narrowed ? subject : chain;
  return {
    events: search.order === "oldest" ? events : [...events].reverse(),
    total,
    skip,
    pending: found === undefined && !asked.error && !end.error,
    stale: asked.isPlaceholderData,
    error: asked.error ?? (narrowed ? null : end.error),
    again: () => {
      void end.refetch();
      void asked.refetch();
    },
  };
}
