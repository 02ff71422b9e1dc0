// How codes about contacts are said.
import type { Schemas } from "../api/client";
import { word, type Say } from "../i18n";
import type { Catalogue } from "../i18n/catalogue";
import { CONTACT_LANGUAGES } from "./search";

export type Contact = Schemas["Contact"];
export type Consent = Schemas["Consent"];

export function segmentName(segment: string, t: Catalogue): string {
  return word(t.people.segment, segment);
}

/** A language's own name. */
export function languageName(tag: string): string {
  return word(CONTACT_LANGUAGES, tag);
}

/** A birthday: a day, in a year that may not be known. */
export function birthday(text: string, { day, dayOfMonth }: Say): string {
  const found = /^-?-?(?:(\d{4})-)?(\d\d)-(\d\d)$/u.exec(text);
  if (!found) return text;
  const [, year, month, date] = found;
  // A leap year has every day.
  return year === undefined
    ? dayOfMonth(`2000-${month ?? ""}-${date ?? ""}T12:00:00Z`)
    : day(`${text}T12:00:00Z`);
}

export function channelName(channel: string, { t }: Say): string {
  return channel === "*" ? t.people.consent.everyChannel : word(t.channel, channel);
}

/** A value of a custom field. */
export function shownValue(value: unknown, { t, number }: Say): string {
  if (typeof value === "boolean") return value ? t.people.yes : t.people.no;
  if (typeof value === "number") return number(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}
