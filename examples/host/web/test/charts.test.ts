import { expect, test } from "vitest";

import { analyticsSearch } from "../src/analytics/queries";
import { height, ticks, top } from "../src/analytics/scale";
import { moved, part } from "../src/audit/page-of";
import { auditSearch, isId } from "../src/audit/queries";
import { suppressionSearch, wrongSpan } from "../src/office/queries";

const ID = "01900000-0000-7000-8000-00000000000a";

test("a scale is round, and no value is above it", () => {
  const tops = [0n, 1n, 2n, 3n, 5n, 9n, 10n, 11n, 67n, 99n, 101n, 4_000_001n].map((one) => top([0n, one]));
  expect(tops).toEqual([0n, 1n, 2n, 4n, 6n, 10n, 10n, 20n, 80n, 100n, 200n, 6_000_000n]);
  expect(top([])).toBe(0n);
  // More than a number can hold exactly.
  expect(top([9_007_199_254_740_993n * 1_000_000n])).toBe(10_000_000_000_000_000_000_000n);
});

test("lines are whole numbers: nobody reads half a message", () => {
  expect(ticks(80n)).toEqual([80n, 40n]);
  expect(ticks(1n)).toEqual([1n]);
  expect(ticks(0n)).toEqual([]);
});

test("little is seen, and nothing is not", () => {
  expect(height(0n, 100n)).toBe(0);
  expect(height(1n, 1_000_000n)).toBe(8);
  expect(height(50n, 100n)).toBe(500);
  expect(height(100n, 100n)).toBe(1000);
  expect(height(5n, 0n)).toBe(0);
});

test("a page of the newest events stays where it is while others come", () => {
  expect(part({}, 120)).toEqual({ skip: 0, after: 70, to: 120 });
  const second = moved({}, 50, 120);
  expect(second).toEqual({ at: 70 });
  expect(part(second, 120)).toEqual({ skip: 50, after: 20, to: 70 });
  expect(part(second, 125)).toEqual({ skip: 55, after: 20, to: 70 });
  expect(part(moved({}, 100, 120), 120)).toEqual({ skip: 100, after: 0, to: 20 });
  expect(moved(second, 0, 125)).toEqual({});
  // The store went back behind the page.
  expect(part(second, 10)).toEqual({ skip: 0, after: 0, to: 10 });
});

test("in order, pages begin where the chain does", () => {
  expect(part({ order: "oldest" }, 120)).toEqual({ skip: 0, after: 0, to: 50 });
  const last = moved({ order: "oldest", message: ID }, 100, 120);
  expect(last).toEqual({ order: "oldest", message: ID, at: 100 });
  expect(part(last, 120)).toEqual({ skip: 100, after: 100, to: 120 });
});

test("an address asks for what there is, and for nothing else", () => {
  expect(analyticsSearch({ days: 7, zone: "Asia/Tashkent", more: 1 })).toEqual({
    days: 7,
    zone: "Asia/Tashkent",
  });
  expect(analyticsSearch({ days: 8, zone: "<script>" })).toEqual({});
  expect(auditSearch({ message: ID, contact: ID, order: "newest", at: 3 })).toEqual({ message: ID, at: 3 });
  expect(auditSearch({ contact: "x", order: "oldest", at: -1 })).toEqual({ order: "oldest" });
  expect(suppressionSearch({ address: 998901234567, channel: "", skip: 1.5 })).toEqual({
    address: "998901234567",
  });
  expect([isId(ID), isId(`${ID}0`), isId(ID.toUpperCase())]).toEqual([true, false, false]);
});

test("a span ends where it begins or later", () => {
  const span = (from: string, to: string) => wrongSpan({ group: "day", from, to });
  expect([span("", ""), span("2026-01-02", ""), span("2026-01-02", "2026-01-02")]).toEqual([
    false,
    false,
    false,
  ]);
  expect(span("2026-01-02", "2026-01-01")).toBe(true);
});
