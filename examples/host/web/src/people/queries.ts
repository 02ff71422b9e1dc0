// What the screens of contacts ask for.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { api, told } from "../api/client";
import { filterOf, type PeopleSearch } from "./search";

export const PEOPLE_PAGE = 25;
export const MESSAGES_PAGE = 20;

export function peopleQuery(search: PeopleSearch) {
  const cursor = search.after?.at(-1);
  return queryOptions({
    queryKey: ["contacts", filterOf(search), cursor ?? null],
    queryFn: ({ signal }) => {
      const query = { ...filterOf(search), limit: PEOPLE_PAGE, ...(cursor ? { cursor } : {}) };
      return told(api.GET("/api/contacts", { params: { query }, signal }));
    },
    placeholderData: keepPreviousData,
  });
}

/** A few contacts for a word: to choose one. */
export function findQuery(search: string) {
  return queryOptions({
    queryKey: ["contacts", "find", search],
    queryFn: ({ signal }) =>
      told(api.GET("/api/contacts", { params: { query: { search, limit: 8 } }, signal })),
    enabled: search !== "",
    placeholderData: keepPreviousData,
  });
}

export function personQuery(id: string) {
  return queryOptions({
    queryKey: ["contact", id],
    queryFn: () => told(api.GET("/api/contacts/{id}", { params: { path: { id } } })),
  });
}

export function suppressionsQuery(id: string) {
  return queryOptions({
    queryKey: ["contact", id, "suppressions"],
    queryFn: () => told(api.GET("/api/contacts/{id}/suppressions", { params: { path: { id } } })),
  });
}

export function eventsQuery(id: string) {
  return queryOptions({
    queryKey: ["contact", id, "events"],
    queryFn: () => told(api.GET("/api/audit", { params: { query: { contact_id: id, limit: 1000 } } })),
  });
}

export function historyQuery(id: string) {
  return queryOptions({
    queryKey: ["message", id, "history"],
    queryFn: () => told(api.GET("/api/messages/{id}/history", { params: { path: { id } } })),
  });
}

export const fieldsQuery = queryOptions({
  queryKey: ["contact-fields"],
  queryFn: () => told(api.GET("/api/contacts/fields")),
});

export const audiencesQuery = queryOptions({
  queryKey: ["audiences"],
  queryFn: () => told(api.GET("/api/audiences")),
});

export const segmentsQuery = queryOptions({
  queryKey: ["segments"],
  queryFn: () => told(api.GET("/api/analytics/contacts-by-segment")),
});

/** Whom an audience has; `null` for no audience. */
export function countQuery(audience: string | null) {
  return queryOptions({
    queryKey: ["audience-count", audience],
    queryFn: ({ signal }) =>
      told(
        api.GET("/api/audiences/sample", {
          params: { query: { audience: audience ?? "", limit: 1 } },
          signal,
        }),
      ),
    enabled: audience !== null,
    retry: false,
  });
}

export function importQuery(id: string) {
  return queryOptions({
    queryKey: ["import", id],
    queryFn: () =>
      told(api.GET("/api/contacts/imports/{import_id}", { params: { path: { import_id: id } } })),
  });
}

export const importsQuery = queryOptions({
  queryKey: ["imports"],
  queryFn: () => told(api.GET("/api/contacts/imports", { params: { query: { limit: 10 } } })),
});
