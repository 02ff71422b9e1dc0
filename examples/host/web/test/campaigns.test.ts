import { expect, test } from "vitest";

import { verdict } from "../src/campaign/compare";
import {
  audienceText,
  bodyOf,
  changesOf,
  DAYS,
  draftOf,
  EMPTY,
  fieldOf,
  shownFields,
  type Draft,
} from "../src/campaign/draft";
import { busiest, heatOf, level, reasonsOf } from "../src/campaign/heat";
import { expressionOf, oftenOf, ruleOf, RULES } from "../src/campaign/repeat";
import { instantOf, isZone, wallIn } from "../src/campaign/wall";
import type { Campaign } from "../src/campaign/words";

const ID = "01900000-0000-7000-8000-00000000000a";

function campaign(fields: Partial<Campaign> = {}): Campaign {
  return {
    id: ID,
    name: "Navruz",
    occasion_type: "holiday",
    segment_filter: { segment: "VIP" },
    audience: "segment = VIP",
    schedule_type: "immediate",
    local_time: false,
    channel: "email",
    fallback_channels: ["sms"],
    time_zone: "Asia/Tashkent",
    sending_times: { quiet_hours: null, working_days: DAYS, holidays: [], otherwise: "hold" },
    spread_minutes: 0,
    when_unavailable: "fallback",
    drafting: "now",
    status: "draft",
    test_mode: false,
    allowed_actions: ["edit"],
    stats: { generated_count: 0, sent_count: 0, failed_count: 0, ended_count: 0 },
    version: 1,
    created_by: ID,
    created_at: "2026-11-01T00:00:00Z",
    updated_at: "2026-11-01T00:00:00Z",
    ...fields,
  };
}

test("a wall time is the instant at which the clocks of its zone show it", () => {
  expect(instantOf("2099-06-01T09:00", "Asia/Tashkent")).toBe("2099-06-01T04:00:00Z");
  expect(instantOf("2099-06-01T09:00", "UTC")).toBe("2099-06-01T09:00:00Z");
  expect(wallIn("2099-06-01T04:00:30Z", "Asia/Tashkent")).toBe("2099-06-01T09:00");
  expect(isZone("Mars/Olympus")).toBe(false);
  // The host refuses the zone; the time is not lost on the way.
  expect(instantOf("2099-06-01T09:00", "Mars/Olympus")).toBe("2099-06-01T09:00:00Z");
});

test("a time that comes twice is the first, one that is skipped is the end of the gap", () => {
  // 25 October 2026: 03:00 goes back to 02:00. 29 March 2026: 02:00 goes on to 03:00.
  expect(instantOf("2026-10-25T02:30", "Europe/Berlin")).toBe("2026-10-25T00:30:00Z");
  expect(instantOf("2026-03-29T02:30", "Europe/Berlin")).toBe("2026-03-29T01:00:00Z");
  expect(instantOf("2026-03-29T03:00", "Europe/Berlin")).toBe("2026-03-29T01:00:00Z");
  expect(instantOf("2026-03-29T01:59", "Europe/Berlin")).toBe("2026-03-29T00:59:00Z");
  expect(instantOf("2026-07-01T00:00", "America/New_York")).toBe("2026-07-01T04:00:00Z");
});

test("the usual expressions are choices, and are written as they were read", () => {
  for (const [cron, found] of [
    ["0 9 * * *", { repeat: "daily", time: "09:00" }],
    ["5 18 * * 1,3", { repeat: "weekly", time: "18:05", days: [1, 3] }],
    ["0 9 15 * *", { repeat: "monthly", monthDay: "15" }],
  ] as const) {
    expect(oftenOf(cron)).toMatchObject(found);
    expect(expressionOf(oftenOf(cron))).toBe(cron);
  }
  expect(oftenOf("0 9 * * 1-5")).toMatchObject({ repeat: "weekly", days: [1, 2, 3, 4, 5] });
  expect(oftenOf("0 9 * * 7")).toMatchObject({ repeat: "weekly", days: [0] });
  for (const own of [
    "*/5 9 * * *",
    "0 9 1 1 *",
    "0 9 1 * 1",
    "0 9 * * MON",
    "0 9 * * 5-1",
    "0 9 * *",
    "99 9 * * 1",
  ]) {
    expect(oftenOf(own)).toMatchObject({ repeat: "cron", cron: own });
    expect(expressionOf(oftenOf(own))).toBe(own);
  }
});

test("a rule of calendars is known by what it says, however it is written", () => {
  expect(oftenOf(RULES.last_friday).repeat).toBe("rule");
  expect(ruleOf("FREQ=MONTHLY;BYDAY=-1FR;COUNT=12")).toEqual({
    name: "last_friday",
    count: "12",
    until: null,
  });
  expect(ruleOf("RRULE:byday=1mo;freq=monthly;until=20271231T000000Z")).toEqual({
    name: "first_monday",
    count: null,
    until: "20271231T000000Z",
  });
  expect(ruleOf("FREQ=MONTHLY;BYDAY=2FR").name).toBeNull();
});

test("an empty form is a campaign of everybody at once", () => {
  const body = bodyOf({ ...EMPTY, name: " Spring " });
  expect(body).toMatchObject({
    name: "Spring",
    segment_filter: {},
    schedule_type: "immediate",
    variants: null,
    template_id: null,
    sending_times: { quiet_hours: null, working_days: DAYS, holidays: [], otherwise: "hold" },
  });
  expect(body).not.toHaveProperty("scheduled_at");
  expect(audienceText(EMPTY)).toBe("everybody");
  expect(audienceText({ ...EMPTY, segment: 'a"b', language: "ru" })).toBe(
    'segment = "a\\"b" and language = "ru"',
  );
});

test("each kind of schedule says what it has, and nothing else", () => {
  const of = (change: Partial<Draft>) => bodyOf({ ...EMPTY, name: "x", ...change });
  expect(of({ when: "scheduled", at: "2099-06-01T09:00" })).toMatchObject({
    scheduled_at: "2099-06-01T04:00:00Z",
    local_time: false,
  });
  expect(of({ when: "scheduled", at: "2099-06-01T09:00", local: true })).toMatchObject({
    scheduled_at: "2099-06-01T09:00:00Z",
    local_time: true,
  });
  const weekly = of({ when: "recurring", starts: "2099-01-01T09:00" });
  expect(weekly).toMatchObject({ recurrence_rule: "0 9 * * 1" });
  expect(weekly).not.toHaveProperty("scheduled_at");
  expect(
    of({ when: "recurring", repeat: "rule", rule: "FREQ=DAILY", starts: "2099-01-01T09:00" }),
  ).toMatchObject({ recurrence_rule: "FREQ=DAILY", scheduled_at: "2099-01-01T04:00:00Z" });
  expect(of({ when: "date", side: "before", offset: "30", once: true })).toMatchObject({
    date_field: "birthday",
    // A birthday always comes every year.
    date_repeat: "yearly",
    offset_days: -30,
  });
  expect(
    of({ when: "date", dateOf: "field", dateField: "ends_on", once: true, side: "on", offset: "30" }),
  ).toMatchObject({ date_field: "ends_on", date_repeat: "once", offset_days: 0 });
});

test("what was saved is shown, and saved again as it was", () => {
  const full = campaign({
    description: "for the team",
    schedule_type: "date",
    date_field: "ends_on",
    date_repeat: "once",
    offset_days: -30,
    hour: 10,
    leap_day: "mar_1",
    ahead_days: 7,
    sending_times: {
      quiet_hours: { from: "21:00", until: "09:00" },
      working_days: ["monday", "friday"],
      holidays: ["uz", "salon"],
      otherwise: "skip",
    },
    spread_minutes: 120,
    template_id: ID,
    variants: {
      holdout_permille: 125,
      arms: [
        { name: "A", weight: 2, template_id: ID },
        { name: "B", tone: "warm", custom_context: "short" },
      ],
    },
  });
  const body = bodyOf(draftOf(full));
  expect(body).toMatchObject({
    description: "for the team",
    segment_filter: { segment: "VIP" },
    date_field: "ends_on",
    date_repeat: "once",
    offset_days: -30,
    hour: 10,
    leap_day: "mar_1",
    ahead_days: 7,
    sending_times: full.sending_times,
    spread_minutes: 120,
    fallback_channels: ["sms"],
    template_id: ID,
  });
  expect(body.variants?.holdout_permille).toBe(125);
  expect(body.variants?.arms.map((arm) => [arm.name, arm.weight, arm.tone])).toEqual([
    ["A", 2, null],
    ["B", 1, "warm"],
  ]);
  expect(changesOf(draftOf(full), draftOf(full))).toEqual({});
});

test("an audience that two fields cannot say is shown as it is written", () => {
  const draft = draftOf(campaign({ segment_filter: { not: { tag: "gold" } }, audience: "not tag = gold" }));
  expect(draft).toMatchObject({ whom: "words", audience: "not tag = gold" });
  expect(bodyOf(draft).segment_filter).toBe("not tag = gold");
  const both = draftOf(campaign({ segment_filter: { segments: ["a", "b"] }, audience: "segment in (a, b)" }));
  expect(both.whom).toBe("words");
});

test("only what differs is sent, and a schedule as a whole", () => {
  const before = draftOf(campaign({ schedule_type: "recurring", recurrence_rule: "0 9 * * 1" }));
  expect(changesOf({ ...before, name: "Other" }, before)).toEqual({ name: "Other" });
  expect(changesOf({ ...before, time: "10:00" }, before)).toEqual({
    schedule_type: "recurring",
    time_zone: "Asia/Tashkent",
    recurrence_rule: "0 10 * * 1",
  });
  expect(changesOf({ ...before, when: "immediate" }, before)).toEqual({
    schedule_type: "immediate",
    time_zone: "Asia/Tashkent",
  });
  expect(changesOf({ ...before, segment: "", compared: false }, before)).toEqual({ segment_filter: {} });
});

test("what the host says is placed at a field that is there", () => {
  expect(fieldOf("sending_times.quiet_hours.from")).toBe("quiet_hours");
  expect(fieldOf("variants.arms[0].weight")).toBe("arms");
  expect(fieldOf("arms")).toBe("arms");
  expect(fieldOf("recurrence_rule")).toBe("recurrence_rule");
  expect(shownFields(EMPTY).has("recurrence_rule")).toBe(false);
  expect(shownFields({ ...EMPTY, when: "recurring" }).has("scheduled_at")).toBe(false);
  expect(shownFields({ ...EMPTY, when: "recurring", repeat: "rule" }).has("scheduled_at")).toBe(true);
  expect(shownFields(EMPTY).has("arms")).toBe(false);
});

const line = (local_time: string | null, reason: string | null = null) => ({
  local_time,
  excluded: reason !== null,
  reason,
});

test("send times are counted by day and hour, and who is left out by reason", () => {
  const lines = [
    line("2027-03-02T09:00:00"),
    line("2027-03-01T23:59:00"),
    line("2027-03-01T09:30:00"),
    line("2027-03-01T09:00:00"),
    line(null, "no_address"),
    line("2027-03-01T09:00:00", "holdout"),
    line(null, "no_address"),
  ];
  const days = heatOf(lines);
  expect(days.map(({ day, sum }) => [day, sum])).toEqual([
    ["2027-03-01", 3],
    ["2027-03-02", 1],
  ]);
  expect(days[0]?.hours[9]).toBe(2);
  expect(days[0]?.hours[23]).toBe(1);
  expect(busiest(days)).toEqual({ day: "2027-03-01", hour: 9, n: 2 });
  expect(reasonsOf(lines)).toEqual([
    ["no_address", 2],
    ["holdout", 1],
  ]);
  expect(busiest([])).toBeNull();
});

test("little is seen, and nothing is not", () => {
  expect([0, 1, 25, 26, 50, 99, 100].map((n) => level(n, 100))).toEqual([0, 1, 1, 2, 2, 4, 4]);
  expect(level(1, 1)).toBe(4);
  expect(level(0, 0)).toBe(0);
});

test("a difference is told when it is certain, and in the right direction", () => {
  expect(verdict({ p_value: 0.01, low: -0.3, high: -0.1 })).toEqual({ is: "fewer", low: 0.1, high: 0.3 });
  expect(verdict({ p_value: 0.05, low: 0.1, high: 0.3 })).toEqual({ is: "more", low: 0.1, high: 0.3 });
  expect(verdict({ p_value: 0.06, low: 0.1, high: 0.3 })).toEqual({ is: "open" });
  expect(verdict({ p_value: 0.01, low: -0.1, high: 0.1 })).toEqual({ is: "open" });
});
