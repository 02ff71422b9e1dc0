// What the screens around the work ask for.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";

import { api, told, type Schemas } from "../api/client";

export type Suppression = Schemas["Suppression"];
export type Budget = Schemas["Budget"];
export type Group = Schemas["UsageGroup"];

export const SUPPRESSIONS_PAGE = 25;
/** The channel of those that hold on every one: whoever had the address was erased. */
export const EVERY = "*";

export interface SuppressionSearch {
  address?: string;
  channel?: string;
  skip?: number;
}

/** What an address asks for; anything else in it is left out. */
export function suppressionSearch(search: Record<string, unknown>): SuppressionSearch {
  const text = (value: unknown, most: number) => {
    // A number in an address is read as one.
    const found = typeof value === "number" ? String(value) : value;
    return typeof found === "string" && found !== "" && found.length <= most ? found : undefined;
  };
  const [address, channel] = [text(search.address, 500), text(search.channel, 64)];
  const { skip } = search;
  return {
    ...(address ? { address } : {}),
    ...(channel ? { channel } : {}),
    ...(typeof skip === "number" && Number.isSafeInteger(skip) && skip > 0 ? { skip } : {}),
  };
}

/** One more than a page, to know whether there is a next one. */
export function suppressionsQuery(search: SuppressionSearch) {
  return queryOptions({
    queryKey: ["suppressions", search],
    queryFn: async ({ signal }) => {
      const query = { ...search, limit: SUPPRESSIONS_PAGE + 1 };
      const { items } = await told(api.GET("/api/suppressions", { params: { query }, signal }));
      return { items: items.slice(0, SUPPRESSIONS_PAGE), more: items.length > SUPPRESSIONS_PAGE };
    },
    placeholderData: keepPreviousData,
  });
}

export const peopleQuery = queryOptions({
  queryKey: ["colleagues"],
  queryFn: () => told(api.GET("/api/auth/users")),
});

export const budgetsQuery = queryOptions({
  queryKey: ["budgets"],
  queryFn: () => told(api.GET("/api/budgets", { params: { query: { limit: 100 } } })),
});

export interface UsageSearch {
  group: Group;
  from: string;
  to: string;
}

const USAGE_PAGE = 100;

/** Sums, as many pages of them as were asked for. */
export function usageQuery(search: UsageSearch, pages: number) {
  return queryOptions({
    queryKey: ["usage", search, pages],
    queryFn: async ({ signal }) => {
      const items: Schemas["UsageSum"][] = [];
      for (let page = 0; page < pages; page += 1) {
        const after = items.at(-1)?.name;
        const query = {
          group: search.group,
          limit: USAGE_PAGE,
          ...(search.from ? { from: search.from } : {}),
          ...(search.to ? { to: search.to } : {}),
          ...(after === undefined ? {} : { after }),
        };
        const found = await told(api.GET("/api/usage", { params: { query }, signal }));
        items.push(...found.items);
        if (found.items.length < USAGE_PAGE) return { items, more: false };
      }
      return { items, more: true };
    },
    placeholderData: keepPreviousData,
    enabled: !wrongSpan(search),
  });
}

export function wrongSpan({ from, to }: UsageSearch): boolean {
  return from !== "" && to !== "" && from > to;
}
