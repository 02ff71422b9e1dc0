// What comes again and again: the usual cases as choices, the rest as it is written.

export type Repeat = "daily" | "weekly" | "monthly" | "cron" | "rule";

export interface Often {
  repeat: Repeat;
  /** Of the usual cases: the time of day. */
  time: string;
  /** As cron counts them: Sunday is 0. */
  days: number[];
  monthDay: string;
  cron: string;
  rule: string;
}

/** Rules that are offered. */
export const RULES = {
  last_friday: "FREQ=MONTHLY;BYDAY=-1FR",
  first_monday: "FREQ=MONTHLY;BYDAY=1MO",
  last_day: "FREQ=MONTHLY;BYMONTHDAY=-1",
  two_weeks: "FREQ=WEEKLY;INTERVAL=2",
  quarter: "FREQ=MONTHLY;INTERVAL=3",
  year: "FREQ=YEARLY",
} as const;
export type RuleName = keyof typeof RULES;

const USUAL: Often = { repeat: "weekly", time: "09:00", days: [1], monthDay: "1", cron: "", rule: "" };
const two = (text: string) => text.padStart(2, "0");

/** Monday to Sunday, as cron counts them: the order in which they are shown. */
export const WEEK = [1, 2, 3, 4, 5, 6, 0];

/** The days of a cron field such as `1`, `1,3` or `1-5`; `null` for what is none of them. */
function daysOf(field: string): number[] | null {
  const found = new Set<number>();
  for (const part of field.split(",")) {
    const range = /^([0-7])(?:-([0-7]))?$/u.exec(part);
    if (!range) return null;
    const from = Number(range[1]);
    const to = Number(range[2] ?? range[1]);
    if (to < from) return null;
    for (let day = from; day <= to; day += 1) found.add(day % 7);
  }
  return WEEK.filter((day) => found.has(day));
}

export function oftenOf(expression: string | null): Often {
  if (!expression) return { ...USUAL };
  if (expression.includes("=")) return { ...USUAL, repeat: "rule", rule: expression };
  const own: Often = { ...USUAL, repeat: "cron", cron: expression };
  const [minute = "", hour = "", date = "", month = "", week = "", ...rest] = expression.trim().split(/\s+/u);
  const plain = /^\d{1,2}$/u;
  if (!plain.test(minute) || !plain.test(hour) || month !== "*" || rest.length > 0) return own;
  if (Number(minute) > 59 || Number(hour) > 23) return own;
  const time = `${two(hour)}:${two(minute)}`;
  if (date === "*" && week === "*") return { ...USUAL, repeat: "daily", time };
  if (date === "*") {
    const days = daysOf(week);
    return days ? { ...USUAL, repeat: "weekly", time, days } : own;
  }
  if (week === "*" && plain.test(date)) return { ...USUAL, repeat: "monthly", time, monthDay: date };
  return own;
}

export function expressionOf(often: Often): string {
  if (often.repeat === "cron") return often.cron.trim();
  if (often.repeat === "rule") return often.rule.trim();
  const [hour = "9", minute = "0"] = often.time.split(":");
  const at = `${Number(minute)} ${Number(hour)}`;
  if (often.repeat === "daily") return `${at} * * *`;
  if (often.repeat === "monthly") return `${at} ${often.monthDay.trim()} * *`;
  return `${at} * * ${[...often.days].sort((a, b) => a - b).join(",")}`;
}

/** Which of the offered rules it is, and when it ends. */
export function ruleOf(rule: string): { name: RuleName | null; count: string | null; until: string | null } {
  const parts = rule
    .replace(/^RRULE:/iu, "")
    .toUpperCase()
    .split(";")
    .filter(Boolean);
  const value = (key: string) =>
    parts.find((one) => one.startsWith(`${key}=`))?.slice(key.length + 1) ?? null;
  const core = (list: string[]) =>
    list
      .filter((one) => !/^(?:COUNT|UNTIL)=/u.test(one))
      .sort()
      .join(";");
  const wanted = core(parts);
  const name = (Object.keys(RULES) as RuleName[]).find((one) => core(RULES[one].split(";")) === wanted);
  return { name: name ?? null, count: value("COUNT"), until: value("UNTIL") };
}
