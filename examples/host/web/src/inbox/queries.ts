// What the inbox and the pages of messages ask for.
import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";

import { api, told, type Schemas } from "../api/client";
import type { Sort } from "./order";

export interface Filters {
  risk?: Schemas["Severity"];
  occasion?: Schemas["Occasion"];
  channel?: string;
  campaign?: string;
  q?: string;
  sort?: Sort;
}

/** Most drafts that are shown at once; the others follow as these are decided about. */
const MOST = 500;
const PAGE = 100;

/** Everything that waits for a decision, the gravest first when there is more than can be shown. */
export function inboxQuery({ risk, occasion, campaign, q }: Filters) {
  const wanted = {
    status: "pending_approval" as const,
    order: "risk",
    limit: PAGE,
    ...(risk ? { severity: risk } : {}),
    ...(occasion ? { occasion_type: occasion } : {}),
    ...(campaign ? { campaign_id: campaign } : {}),
    ...(q ? { search: q } : {}),
  };
  return queryOptions({
    queryKey: ["messages", "inbox", wanted],
    queryFn: async ({ signal }) => {
      const items: Schemas["Message"][] = [];
      let cursor: string | null = null;
      for (;;) {
        const query: typeof wanted & { cursor?: string } = cursor === null ? wanted : { ...wanted, cursor };
        const page = await told(api.GET("/api/messages", { params: { query }, signal }));
        items.push(...page.items);
        cursor = page.next_cursor ?? null;
        if (cursor === null || items.length >= MOST) return { items, total: page.total };
      }
    },
    placeholderData: keepPreviousData,
  });
}

export function messageQuery(id: string) {
  return queryOptions({
    queryKey: ["message", id],
    queryFn: () => told(api.GET("/api/messages/{id}", { params: { path: { id } } })),
  });
}

export function historyQuery(id: string) {
  return queryOptions({
    queryKey: ["message", id, "history"],
    queryFn: () => told(api.GET("/api/messages/{id}/history", { params: { path: { id } } })),
  });
}

export function contactQuery(id: string) {
  return queryOptions({
    queryKey: ["contact", id],
    queryFn: () => told(api.GET("/api/contacts/{id}", { params: { path: { id } } })),
  });
}

/** The campaigns that a filter offers: the newest. */
export function campaignNamesQuery() {
  return queryOptions({
    queryKey: ["campaigns", "names"],
    queryFn: async () => {
      const page = await told(api.GET("/api/campaigns", { params: { query: { limit: 100 } } }));
      return page.items.map(({ id, name }) => ({ id, name }));
    },
    staleTime: 30_000,
  });
}

const colleaguesQuery = queryOptions({
  queryKey: ["colleagues"],
  queryFn: () => told(api.GET("/api/auth/users")),
  staleTime: 60_000,
});

/** How people are called whom histories and approvals know by their ids. */
export function useNames(): (id: string | null | undefined) => string | null {
  const { data } = useQuery(colleaguesQuery);
  return (id) => (id ? (data?.find((one) => one.id === id)?.full_name ?? null) : null);
}
