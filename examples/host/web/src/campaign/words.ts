// How a campaign's codes are said.
import type { Schemas } from "../api/client";
import { word, type Say } from "../i18n";
import type { Tone } from "../ui/parts";

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

export function schedule(campaign: Campaign, { t, fill, moment, wall }: Say): string {
  const at = campaign.scheduled_at;
  switch (campaign.schedule_type) {
    case "scheduled":
      if (!at) return t.schedule.immediate;
      return campaign.local_time
        ? fill(t.schedule.scheduledLocal, { at: wall(at.replace(/Z$|[+-]\d\d:\d\d$/u, "")) })
        : fill(t.schedule.scheduled, { at: moment(at) });
    case "recurring":
      return fill(t.schedule.recurring, { rule: campaign.recurrence_rule ?? "" });
    case "date": {
      const hour = `${String(campaign.hour ?? 9).padStart(2, "0")}:00`;
      const offset = campaign.offset_days ?? 0;
      if (campaign.date_field === "birthday" && offset === 0) return fill(t.schedule.birthday, { hour });
      const days = `${offset < 0 ? "−" : "+"}${String(Math.abs(offset))}`;
      return fill(t.schedule.date, { field: campaign.date_field ?? "", days, hour });
    }
    default:
      return t.schedule.immediate;
  }
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
