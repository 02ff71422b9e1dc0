// What the screens of campaigns ask for.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { api, told } from "../api/client";
import type { Status } from "../router";

export const CAMPAIGNS_PAGE = 20;
export const PLAN_PAGE = 10;

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
