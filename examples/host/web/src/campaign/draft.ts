// A campaign as the form holds it, and as the host takes it.
import type { Schemas } from "../api/client";
import { expressionOf, oftenOf, type Often } from "./repeat";
import { instantOf, wallIn } from "./wall";
import type { Campaign } from "./words";

export type Body = Schemas["CampaignBody"];
export type Day = Schemas["Day"];

export const DAYS: Day[] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/** Calendars that every host has. */
export const CALENDARS = ["uz", "ru"] as const;
export const CHANNELS = ["email", "sms", "telegram", "whatsapp"];
const ZONE = "Asia/Tashkent";

export interface Arm {
  /** Stays while its name is changed. */
  key: number;
  name: string;
  weight: string;
  template: string;
  tone: string;
  context: string;
}

export interface Draft extends Often {
  name: string;
  description: string;
  occasion: Schemas["Occasion"];
  whom: "simple" | "words";
  segment: string;
  language: string;
  audience: string;
  when: Schemas["ScheduleType"];
  at: string;
  local: boolean;
  starts: string;
  dateOf: "birthday" | "field";
  dateField: string;
  once: boolean;
  side: "on" | "before" | "after";
  offset: string;
  hour: string;
  leap: Schemas["LeapDay"];
  ahead: string;
  quiet: boolean;
  from: string;
  until: string;
  working: Day[];
  holidays: string[];
  calendars: string;
  otherwise: Schemas["Otherwise"];
  spread: string;
  channel: string;
  fallbacks: string[];
  zone: string;
  text: "model" | "template";
  template: string;
  tone: string;
  context: string;
  drafting: Schemas["Drafting"];
  unavailable: Schemas["WhenUnavailable"];
  compared: boolean;
  arms: Arm[];
  /** Held back, in percent. */
  holdout: string;
}

export const EMPTY: Draft = {
  ...oftenOf(null),
  name: "",
  description: "",
  occasion: "custom",
  whom: "simple",
  segment: "",
  language: "",
  audience: "",
  when: "immediate",
  at: "",
  local: false,
  starts: "",
  dateOf: "birthday",
  dateField: "",
  once: false,
  side: "on",
  offset: "1",
  hour: "9",
  leap: "feb_28",
  ahead: "1",
  quiet: false,
  from: "21:00",
  until: "09:00",
  working: DAYS,
  holidays: [],
  calendars: "",
  otherwise: "hold",
  spread: "0",
  channel: "email",
  fallbacks: [],
  zone: ZONE,
  text: "model",
  template: "",
  tone: "",
  context: "",
  drafting: "now",
  unavailable: "fallback",
  compared: false,
  arms: [],
  holdout: "0",
};

/** The short form, where the form's two fields say it all. */
function simple(filter: unknown): { segment: string; language: string } | null {
  const found = { segment: "", language: "" };
  if (typeof filter !== "object" || filter === null) return found;
  for (const [key, value] of Object.entries(filter)) {
    if ((key !== "segment" && key !== "language") || typeof value !== "string") return null;
    found[key] = value;
  }
  return found;
}

const quoted = (text: string) => `"${text.replace(/["\\]/gu, "\\$&")}"`;

/** The audience as a text, to be counted. */
export function audienceText(draft: Draft): string {
  if (draft.whom === "words") return draft.audience.trim();
  const parts = [
    draft.segment.trim() ? `segment = ${quoted(draft.segment.trim())}` : "",
    draft.language ? `language = ${quoted(draft.language)}` : "",
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(" and ") : "everybody";
}

function schedulePart(campaign: Campaign): Partial<Draft> {
  const when = campaign.schedule_type as Draft["when"];
  const zone = campaign.time_zone;
  const at = campaign.scheduled_at ?? null;
  if (when === "scheduled" && at)
    return { when, local: campaign.local_time, at: wallIn(at, campaign.local_time ? "UTC" : zone) };
  if (when === "recurring") {
    const often = oftenOf(campaign.recurrence_rule ?? null);
    return { when, ...often, starts: at ? wallIn(at, zone) : "" };
  }
  if (when !== "date") return { when };
  const offset = campaign.offset_days ?? 0;
  const birthday = campaign.date_field === "birthday";
  return {
    when,
    dateOf: birthday ? "birthday" : "field",
    dateField: birthday ? "" : (campaign.date_field ?? ""),
    once: campaign.date_repeat === "once",
    side: offset === 0 ? "on" : offset < 0 ? "before" : "after",
    offset: String(Math.abs(offset) || 1),
    hour: String(campaign.hour ?? 9),
    leap: campaign.leap_day ?? "feb_28",
    ahead: String(campaign.ahead_days ?? 1),
  };
}

/** Thousandths as percent. */
export const percentOf = (permille: number) => String(permille / 10);

export function draftOf(campaign: Campaign): Draft {
  const times = campaign.sending_times;
  const short = simple(campaign.segment_filter);
  const known = (one: string) => (CALENDARS as readonly string[]).includes(one);
  const holidays = times.holidays ?? [];
  return {
    ...EMPTY,
    ...schedulePart(campaign),
    name: campaign.name,
    description: campaign.description ?? "",
    occasion: campaign.occasion_type,
    whom: short ? "simple" : "words",
    segment: short?.segment ?? "",
    language: short?.language ?? "",
    audience: short ? "" : campaign.audience,
    quiet: Boolean(times.quiet_hours),
    from: times.quiet_hours?.from ?? EMPTY.from,
    until: times.quiet_hours?.until ?? EMPTY.until,
    working: times.working_days ?? DAYS,
    holidays: holidays.filter(known),
    calendars: holidays.filter((one) => !known(one)).join(", "),
    otherwise: times.otherwise ?? "hold",
    spread: String(campaign.spread_minutes),
    channel: campaign.channel,
    fallbacks: campaign.fallback_channels,
    zone: campaign.time_zone,
    text: campaign.template_id ? "template" : "model",
    template: campaign.template_id ?? "",
    tone: campaign.tone ?? "",
    context: campaign.custom_context ?? "",
    drafting: campaign.drafting,
    unavailable: campaign.when_unavailable,
    compared: Boolean(campaign.variants),
    arms: (campaign.variants?.arms ?? []).map((arm, key) => ({
      key,
      name: arm.name,
      weight: String(arm.weight ?? 1),
      template: arm.template_id ?? "",
      tone: arm.tone ?? "",
      context: arm.custom_context ?? "",
    })),
    holdout: percentOf(campaign.variants?.holdout_permille ?? 0),
  };
}

type Schedule = Pick<
  Body,
  | "schedule_type"
  | "scheduled_at"
  | "recurrence_rule"
  | "local_time"
  | "hour"
  | "date_field"
  | "date_repeat"
  | "offset_days"
  | "leap_day"
  | "ahead_days"
  | "time_zone"
>;

/** Only what this kind of schedule has. */
function schedule(draft: Draft): Schedule {
  const zone = { schedule_type: draft.when, time_zone: draft.zone.trim() };
  switch (draft.when) {
    case "scheduled":
      return {
        ...zone,
        scheduled_at: draft.at ? instantOf(draft.at, draft.local ? "UTC" : draft.zone.trim()) : null,
        local_time: draft.local,
      };
    case "recurring":
      return {
        ...zone,
        recurrence_rule: expressionOf(draft) || null,
        ...(draft.repeat === "rule"
          ? { scheduled_at: draft.starts ? instantOf(draft.starts, draft.zone.trim()) : null }
          : {}),
      };
    case "date": {
      const days = draft.side === "on" ? 0 : Number(draft.offset);
      return {
        ...zone,
        date_field: draft.dateOf === "birthday" ? "birthday" : draft.dateField.trim(),
        date_repeat: draft.dateOf === "field" && draft.once ? "once" : "yearly",
        offset_days: draft.side === "before" ? -days : days,
        hour: Number(draft.hour),
        leap_day: draft.leap,
        ahead_days: Number(draft.ahead),
      };
    }
    default:
      return zone;
  }
}

function sendingTimes(draft: Draft): Schemas["SendingTimes"] {
  const own = draft.calendars
    .split(/[,\s]+/u)
    .map((one) => one.trim())
    .filter(Boolean);
  return {
    quiet_hours: draft.quiet ? { from: draft.from, until: draft.until } : null,
    working_days: DAYS.filter((day) => draft.working.includes(day)),
    holidays: [...new Set([...draft.holidays, ...own])],
    otherwise: draft.otherwise,
  };
}

function variants(draft: Draft): Schemas["CampaignVariants"] | null {
  if (!draft.compared) return null;
  return {
    holdout_permille: Math.round(Number(draft.holdout) * 10),
    arms: draft.arms.map((arm) => ({
      name: arm.name.trim(),
      weight: Number(arm.weight),
      template_id: arm.template || null,
      tone: (arm.tone || null) as Schemas["Tone"] | null,
      custom_context: arm.context.trim() || null,
    })),
  };
}

export function bodyOf(draft: Draft): Body {
  const model = draft.text === "model";
  return {
    name: draft.name.trim(),
    description: draft.description.trim() || null,
    occasion_type: draft.occasion,
    segment_filter:
      draft.whom === "words"
        ? draft.audience.trim() || null
        : {
            ...(draft.segment.trim() ? { segment: draft.segment.trim() } : {}),
            ...(draft.language ? { language: draft.language } : {}),
          },
    ...schedule(draft),
    sending_times: sendingTimes(draft),
    spread_minutes: Number(draft.spread),
    channel: draft.channel,
    fallback_channels: draft.fallbacks,
    template_id: model ? null : draft.template || null,
    tone: (draft.tone || null) as Schemas["Tone"] | null,
    custom_context: draft.context.trim() || null,
    drafting: draft.drafting,
    when_unavailable: draft.unavailable,
    variants: variants(draft),
  };
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

/** What differs from the campaign as it was opened. A schedule is one thing: all of it or none. */
export function changesOf(draft: Draft, before: Draft): Body {
  const [now, then] = [bodyOf(draft), bodyOf(before)];
  const times = { ...schedule(draft) };
  const kept = same(times, schedule(before));
  const entries = Object.entries(now).filter(([key, value]) =>
    key in times ? !kept : !same(value, then[key as keyof Body]),
  );
  return Object.fromEntries(entries);
}

const PARTS: Record<string, string> = {
  "quiet_hours.from": "quiet_hours",
  "quiet_hours.until": "quiet_hours",
};

/** The field of the form that a field of the host's answer is. */
export function fieldOf(name: string): string {
  const inner = name.replace(/^(?:sending_times|variants)\./u, "");
  if (/^arms(?:\[|$)/u.test(inner)) return "arms";
  return PARTS[inner] ?? inner;
}

/** The fields that are shown now: what is wrong with others is said below the form. */
export function shownFields(draft: Draft): Set<string> {
  const fields = ["name", "description", "occasion_type", "segment_filter", "time_zone"];
  fields.push("quiet_hours", "working_days", "holidays", "spread_minutes", "channel", "fallback_channels");
  if (draft.when === "scheduled") fields.push("scheduled_at");
  if (draft.when === "recurring") {
    fields.push("recurrence_rule");
    if (draft.repeat === "rule") fields.push("scheduled_at");
  }
  if (draft.when === "date") {
    fields.push("date_repeat", "offset_days", "hour", "ahead_days", "leap_day");
    if (draft.dateOf === "field") fields.push("date_field");
  }
  if (draft.text === "template") fields.push("template_id");
  else fields.push("tone", "custom_context");
  if (draft.compared) fields.push("arms", "holdout_permille");
  return new Set(fields);
}
