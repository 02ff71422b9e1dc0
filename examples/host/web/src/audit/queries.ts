// Which events the audit viewer asks for. The host tells them as they happened; the newest are those before the end
// of the chain.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { api, told, type Schemas } from "../api/client";

export type SealedEvent = Schemas["SealedEvent"];

export const EVENTS_PAGE = 50;
/** As many as the host gives at once. */
const MOST = 10_000;
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u;

export interface AuditSearch {
  message?: string;
  contact?: string;
  order?: "oldest";
  /** Newest first: the place of the first event shown. Otherwise how many come before. */
  at?: number;
}

export function isId(text: string): boolean {
  return ID.test(text);
}

/** What an address asks for; anything else in it is left out. */
export function auditSearch(search: Record<string, unknown>): AuditSearch {
  const { message, contact, order, at } = search;
  return {
    ...(typeof message === "string" && isId(message) ? { message } : {}),
    // The host tells of one of them.
    ...(typeof contact === "string" && isId(contact) && typeof message !== "string" ? { contact } : {}),
    ...(order === "oldest" ? { order } : {}),
    ...(typeof at === "number" && Number.isSafeInteger(at) && at > 0 ? { at } : {}),
  };
}

/** What a list is about, whatever its order and page. */
export function narrowing({ message, contact }: AuditSearch): AuditSearch {
  return { ...(message ? { message } : {}), ...(contact ? { contact } : {}) };
}

export const checkpointQuery = queryOptions({
  queryKey: ["audit", "checkpoint"],
  queryFn: () => told(api.GET("/api/audit/checkpoint")),
});

/** The part of the whole chain behind `after` and up to `to`. */
export function chainQuery(after: number, to: number) {
  return queryOptions({
    queryKey: ["audit", "chain", after, to],
    queryFn: async ({ signal }) => {
      if (to <= after) return [];
      const query = { after, limit: to - after };
      return (await told(api.GET("/api/audit", { params: { query }, signal }))).items;
    },
    placeholderData: keepPreviousData,
  });
}

/** All that happened to one message or contact, in the order of the chain. */
export function subjectQuery(search: AuditSearch) {
  const of = search.message ? { message_id: search.message } : { contact_id: search.contact ?? "" };
  return queryOptions({
    queryKey: ["audit", "of", of],
    queryFn: async ({ signal }) => {
      const query = { ...of, limit: MOST };
      return (await told(api.GET("/api/audit", { params: { query }, signal }))).items;
    },
    enabled: search.message !== undefined || search.contact !== undefined,
  });
}
