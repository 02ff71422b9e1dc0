// How many messages a plan has in each hour of each day, by the recipients' own clocks.
import type { Schemas } from "../api/client";

type Line = Pick<Schemas["PlanLine"], "excluded" | "local_time" | "reason">;

export interface HeatDay {
  /** A calendar day: each recipient's own. */
  day: string;
  /** Of each of its 24 hours. */
  hours: number[];
  sum: number;
}

/** So many days are drawn. */
export const DRAWN = 31;

export function heatOf(lines: Line[]): HeatDay[] {
  const days = new Map<string, HeatDay>();
  for (const { excluded, local_time: at } of lines) {
    if (excluded || !at) continue;
    const day = at.slice(0, 10);
    const hour = Number(at.slice(11, 13));
    const found = days.get(day) ?? { day, hours: Array<number>(24).fill(0), sum: 0 };
    found.hours[hour] = (found.hours[hour] ?? 0) + 1;
    found.sum += 1;
    days.set(day, found);
  }
  return [...days.values()].sort((a, b) => (a.day < b.day ? -1 : 1));
}

/** The hour that has the most, the first of them. */
export function busiest(days: HeatDay[]): { day: string; hour: number; n: number } | null {
  let most: { day: string; hour: number; n: number } | null = null;
  for (const { day, hours } of days) {
    for (const [hour, n] of hours.entries()) if (n > (most?.n ?? 0)) most = { day, hour, n };
  }
  return most;
}

/** From 0 (nobody) to 4: what is little is seen, too. */
export function level(n: number, most: number): number {
  if (n <= 0 || most <= 0) return 0;
  return Math.max(1, Math.ceil((Math.min(n, most) * 4) / most));
}

/** Why people are left out, the commonest first. */
export function reasonsOf(lines: Line[]): [string, number][] {
  const found = new Map<string, number>();
  for (const { excluded, reason } of lines) {
    if (excluded) found.set(reason ?? "", (found.get(reason ?? "") ?? 0) + 1);
  }
  return [...found].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
}

export const clock = (hour: number) => `${String(hour).padStart(2, "0")}:00`;
