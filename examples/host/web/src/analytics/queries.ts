// What the analytics ask for. All figures come from counters: asking is cheap, whatever the number of messages.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { api, told, type Schemas } from "../api/client";

/** Spans that can be chosen, in days. */
export const SPANS = [7, 30, 90, 365] as const;
export const SPAN = 30;
/** Sums that come at once. */
const PAGE = 100;

export interface AnalyticsSearch {
  days?: number;
  zone?: string;
}

/** What an address asks for; anything else in it is left out. */
export function analyticsSearch(search: Record<string, unknown>): AnalyticsSearch {
  const days = SPANS.find((one) => one === search.days);
  const zone = search.zone;
  return {
    ...(days === undefined || days === SPAN ? {} : { days }),
    ...(typeof zone === "string" && /^[A-Za-z0-9_+\-/]{1,64}$/u.test(zone) ? { zone } : {}),
  };
}

export const figuresQuery = queryOptions({
  queryKey: ["analytics", "figures"],
  queryFn: () => told(api.GET("/api/analytics/dashboard")),
});

export const statusesQuery = queryOptions({
  queryKey: ["analytics", "status"],
  queryFn: () => told(api.GET("/api/analytics/messages-by-status")),
});

export const occasionsQuery = queryOptions({
  queryKey: ["analytics", "occasion"],
  queryFn: () => told(api.GET("/api/analytics/messages-by-occasion")),
});

export const aiQuery = queryOptions({
  queryKey: ["analytics", "ai"],
  queryFn: () => told(api.GET("/api/analytics/ai-usage-stats")),
});

export const performanceQuery = queryOptions({
  queryKey: ["analytics", "campaigns"],
  queryFn: () => told(api.GET("/api/analytics/campaign-performance")),
});

/** Without a zone the days are the workspace's. */
export function timelineQuery(days: number, zone: string | undefined) {
  return queryOptions({
    queryKey: ["analytics", "timeline", days, zone ?? null],
    queryFn: ({ signal }) => {
      const query = { days, ...(zone ? { time_zone: zone } : {}) };
      return told(api.GET("/api/analytics/messages-timeline", { params: { query }, signal }));
    },
    placeholderData: keepPreviousData,
  });
}

export interface DayCost {
  date: string;
  cost: string;
}

/** What each of the last days cost, those without any cost included; days are the workspace's. */
export function costQuery(days: number) {
  return queryOptions({
    queryKey: ["analytics", "cost", days],
    queryFn: async ({ signal }): Promise<DayCost[]> => {
      const query = { days };
      const span = await told(api.GET("/api/analytics/messages-timeline", { params: { query }, signal }));
      const dates = span.data.map(({ date }) => date);
      const sums = await dailySums(dates[0] ?? "", signal);
      const costs = new Map(sums.map((one) => [one.name, one.cost_usd]));
      return dates.map((date) => ({ date, cost: costs.get(date) ?? "0.00" }));
    },
    placeholderData: keepPreviousData,
  });
}

async function dailySums(from: string, signal: AbortSignal): Promise<Schemas["UsageSum"][]> {
  const all: Schemas["UsageSum"][] = [];
  for (;;) {
    const after = all.at(-1)?.name;
    const query = { group: "day" as const, from, limit: PAGE, ...(after ? { after } : {}) };
    const { items } = await told(api.GET("/api/usage", { params: { query }, signal }));
    all.push(...items);
    if (items.length < PAGE) return all;
  }
}
