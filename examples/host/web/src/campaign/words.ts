// How a campaign's codes are said.
import type { Schemas } from "../api/client";
import { word, type Say } from "../i18n";
import type { Tone } from "../ui/parts";
import { DAYS } from "./draft";
import { oftenOf, ruleOf, WEEK } from "./repeat";

export type Campaign = Schemas["Campaign"];

export const STATUS_TONES: Record<Campaign["status"], Tone> = {
  draft: "neutral",
  scheduled: "info",
  active: "good",
  paused: "warn",
  completed: "info",
  cancelled: "bad",
};

/** Whether something of it may still change by itself. */
export function moves(campaign: Campaign): boolean {
  return campaign.status === "active" || campaign.status === "scheduled" || campaign.status === "paused";
}

const REST = /Z$|[+-]\d\d:\d\d$/u;

/** A part of one, in percent. */
export function percent(part: number, { language, number }: Say): string {
  return `${number(Math.round(part * 1000) / 10)}${language === "en" ? "" : "\u00a0"}%`;
}

function ends(campaign: Campaign, say: Say): string {
  const { t, fill, moment, day } = say;
  const words = t.campaigns.often;
  const { count, until } = ruleOf(campaign.recurrence_rule ?? "");
  const last = until ? /^(\d{4})(\d\d)(\d\d)/u.exec(until) : null;
  return [
    campaign.scheduled_at ? fill(words.from, { at: moment(campaign.scheduled_at) }) : "",
    count ? fill(words.count, { n: count }) : "",
    last
      ? fill(words.until, { at: day(`${last[1] ?? ""}-${last[2] ?? ""}-${last[3] ?? ""}T12:00:00Z`) })
      : "",
  ]
    .filter(Boolean)
    .join(", ");
}

/** When it comes again. */
function recurring(campaign: Campaign, say: Say): string {
  const { t, fill } = say;
  const words = t.campaigns.often;
  const rule = campaign.recurrence_rule ?? "";
  const often = oftenOf(rule);
  const named = often.days.map((day) => t.campaigns.day[DAYS[WEEK.indexOf(day)] ?? "monday"]);
  switch (often.repeat) {
    case "daily":
      return fill(words.saidDaily, { time: often.time });
    case "weekly":
      return fill(words.saidWeekly, { time: often.time, days: named.join(", ") });
    case "monthly":
      return fill(words.saidMonthly, { time: often.time, day: often.monthDay });
    case "cron":
      return fill(words.saidCron, { rule });
    case "rule": {
      const { name } = ruleOf(rule);
      const said = name ? t.campaigns.rule[name] : fill(words.saidRule, { rule });
      return [said, ends(campaign, say)].filter(Boolean).join(", ");
    }
  }
}

function onDate(campaign: Campaign, say: Say): string {
  const { t, fill, count } = say;
  const words = t.campaigns.about;
  const hour = `${String(campaign.hour ?? 9).padStart(2, "0")}:00`;
  const offset = campaign.offset_days ?? 0;
  const field = campaign.date_field ?? "birthday";
  const said = offset === 0 ? words.on : offset < 0 ? words.before : words.after;
  const text = fill(said, {
    field: field === "birthday" ? words.birthday : field,
    days: count(Math.abs(offset), t.campaigns.counted.days),
    hour,
  });
  return campaign.date_repeat === "once" ? `${text} (${words.once})` : text;
}

export function schedule(campaign: Campaign, say: Say): string {
  const { t, fill, moment, wall } = say;
  const at = campaign.scheduled_at;
  switch (campaign.schedule_type) {
    case "scheduled":
      if (!at) return t.schedule.immediate;
      return campaign.local_time
        ? fill(t.schedule.scheduledLocal, { at: wall(at.replace(REST, "")) })
        : fill(t.schedule.scheduled, { at: moment(at) });
    case "recurring":
      return recurring(campaign, say);
    case "date":
      return onDate(campaign, say);
    default:
      return t.schedule.immediate;
  }
}

/** When its messages may leave. */
export function sendingTimes(campaign: Campaign, { t, fill }: Say): string | null {
  const words = t.campaigns.times;
  const { quiet_hours: quiet, working_days: working = DAYS, holidays = [] } = campaign.sending_times;
  const calendars = holidays.map((one) => word({ uz: words.uz, ru: words.ru }, one));
  const parts = [
    quiet ? fill(words.quietSaid, { from: quiet.from, until: quiet.until }) : "",
    working.length < DAYS.length
      ? fill(words.daysSaid, { days: working.map((day) => t.campaigns.day[day]).join(", ") })
      : "",
    holidays.length > 0 ? fill(words.holidaysSaid, { names: calendars.join(", ") }) : "",
  ].filter(Boolean);
  return parts.length > 0 ? parts.join("; ") : null;
}

/** The short form in words; an expression as people write it. */
export function audience(campaign: Campaign, { t }: Say): string {
  const filter: unknown = campaign.segment_filter;
  if (typeof filter !== "object" || filter === null) return t.campaign.everybody;
  const parts: string[] = [];
  if ("contact" in filter) return t.campaign.onePerson;
  for (const [key, value] of Object.entries(filter)) {
    const short = ["segment", "segments", "language", "tags"].includes(key);
    if (!short) return campaign.audience;
    parts.push(Array.isArray(value) ? value.join(", ") : String(value));
  }
  return parts.length > 0 ? parts.join(" · ") : t.campaign.everybody;
}

export function channel(name: string, { t }: Say): string {
  return word(t.channel, name);
}
