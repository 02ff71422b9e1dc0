// What the screens of campaigns ask for.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { api, told, type Schemas } from "../api/client";
import type { Status } from "../router";

export const CAMPAIGNS_PAGE = 20;
export const PLAN_PAGE = 10;
/** The most that the API gives at once. */
const PAGE = 100;
/** So many lines of a plan are drawn at most. */
export const LINES = 2_000;

export function campaignsQuery(status: Status | undefined, skip: number) {
  return queryOptions({
    queryKey: ["campaigns", status ?? null, skip],
    queryFn: () => {
      const query = { skip, limit: CAMPAIGNS_PAGE, ...(status ? { status } : {}) };
      return told(api.GET("/api/campaigns", { params: { query } }));
    },
    placeholderData: keepPreviousData,
  });
}

export function campaignQuery(id: string) {
  return queryOptions({
    queryKey: ["campaign", id],
    queryFn: () => told(api.GET("/api/campaigns/{id}", { params: { path: { id } } })),
  });
}

/** What the campaign costs and what the ledger says of it, asked for together. */
export function costQuery(id: string) {
  return queryOptions({
    queryKey: ["campaign", id, "cost"],
    queryFn: async () => {
      const [cost, usage] = await Promise.all([
        told(api.GET("/api/campaigns/{id}/cost", { params: { path: { id } } })),
        told(api.GET("/api/usage", { params: { query: { group: "model", campaign_id: id, limit: 100 } } })),
      ]);
      return { cost, models: usage.items };
    },
  });
}

export function budgetsQuery(id: string) {
  return queryOptions({
    queryKey: ["campaign", id, "budgets"],
    queryFn: () => told(api.GET("/api/budgets", { params: { query: { campaign_id: id } } })),
  });
}

export function planQuery(id: string, excluded: boolean | null, skip: number) {
  return queryOptions({
    queryKey: ["campaign", id, "plan", excluded, skip],
    queryFn: () => {
      const query = { skip, limit: PLAN_PAGE, ...(excluded === null ? {} : { excluded }) };
      return told(api.GET("/api/campaigns/{id}/plan", { params: { path: { id }, query } }));
    },
    placeholderData: keepPreviousData,
  });
}

/** The first lines of a plan, page by page. A plan of so many lines is read once: what becomes of them later is not drawn. */
export function linesQuery(id: string, total: number) {
  return queryOptions({
    queryKey: ["campaign-lines", id, total],
    queryFn: async ({ signal }) => {
      const lines: Schemas["PlanLine"][] = [];
      let cursor: string | null = null;
      do {
        const query: { limit: number; cursor?: string } = { limit: PAGE, ...(cursor ? { cursor } : {}) };
        const params = { path: { id }, query };
        const page: Page = await told(api.GET("/api/campaigns/{id}/plan", { params, signal }));
        lines.push(...page.items);
        cursor = page.next_cursor ?? null;
      } while (cursor && lines.length < LINES);
      return lines;
    },
    enabled: total > 0,
    // A hundred events would read it a hundred times.
    staleTime: "static",
  });
}

interface Page {
  items: Schemas["PlanLine"][];
  next_cursor?: string | null;
}

export function experimentQuery(id: string) {
  return queryOptions({
    queryKey: ["campaign", id, "experiment"],
    queryFn: () => told(api.GET("/api/campaigns/{id}/experiment", { params: { path: { id } } })),
  });
}

/** Every template: they are few. */
export const offeredQuery = queryOptions({
  queryKey: ["templates", "all"],
  queryFn: async () => {
    const found: Schemas["Template"][] = [];
    let total = 1;
    while (found.length < total && found.length < 1_000) {
      const query = { skip: found.length, limit: PAGE };
      const page = await told(api.GET("/api/templates", { params: { query } }));
      if (page.items.length === 0) break;
      found.push(...page.items);
      total = page.total;
    }
    return found;
  },
});
