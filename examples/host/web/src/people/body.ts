// What a form says about a contact, as the API takes it. A field that is empty is known to be empty.
import type { Schemas } from "../api/client";
import type { Contact } from "./words";

export type Body = Schemas["ContactBody"];
export type Definition = Schemas["FieldDefinition"];
export type Value = string | number | boolean;

/** The fields that are one line of text each. */
export const TEXTS = [
  "email",
  "phone",
  "whatsapp",
  "telegram_chat_id",
  "company",
  "position",
  "external_id",
  "time_zone",
] as const;

/** A day of a year that may not be known; null where none is given, a wrong one as it stands for the host to refuse. */
export function birthdayOf(day: string, month: string, year: string): string | null {
  if (!day && !month && !year) return null;
  const date = `${month.padStart(2, "0")}-${day.padStart(2, "0")}`;
  return year ? `${year.padStart(4, "0")}-${date}` : `--${date}`;
}

export function birthdayParts(birthday: string | null | undefined): {
  day: string;
  month: string;
  year: string;
} {
  const found = /^(?:(\d{4})-|--)(\d\d)-(\d\d)$/u.exec(birthday ?? "");
  return {
    day: found?.[3]?.replace(/^0/u, "") ?? "",
    month: found?.[2]?.replace(/^0/u, "") ?? "",
    year: found?.[1] ?? "",
  };
}

/** A number exactly as it is written, or the text: what is none is refused by the host, with a reason. */
function numberOf(text: string): Value {
  const plain = text.replace(/[\s\u00a0]/gu, "").replace(",", ".");
  const number = Number(plain);
  return plain !== "" && Number.isFinite(number) && String(number) === plain ? number : text;
}

export function customValue(text: string, type: Definition["type"] | undefined): Value | null {
  if (text === "") return null;
  if (type === "number") return numberOf(text);
  if (type === "boolean") return text === "true";
  return text;
}

/** The custom fields after a form: those it does not show stay as they are. */
export function customFields(
  before: Record<string, unknown>,
  shown: Map<string, Value | null>,
): Record<string, unknown> {
  const after = { ...before };
  for (const [name, value] of shown) {
    if (value === null) delete after[name];
    else if (String(before[name]) !== String(value)) after[name] = value;
  }
  return after;
}

export function bodyOf(form: FormData, before: Contact | null): Body {
  const text = (name: string) => {
    const value = form.get(name);
    return typeof value === "string" ? value.trim() : "";
  };
  const body: Body = { name: text("name") };
  for (const name of TEXTS) body[name] = text(name) || null;
  body.segment = text("segment") || null;
  body.language = text("language") || null;
  body.birthday = birthdayOf(text("birthday_day"), text("birthday_month"), text("birthday_year"));
  const first = text("preferred_channel");
  const rest = (before?.preferred_channels ?? []).filter((one) => one !== first);
  body.preferred_channels = first ? [first, ...rest] : [];
  return body;
}

/** What differs from what was there: what somebody else changes meanwhile is not overwritten. */
export function changesOf(body: Body, before: Contact): Body {
  const changed = Object.entries(body).filter(([name, value]) => {
    const old: unknown = before[name as keyof Contact];
    return JSON.stringify(value ?? null) !== JSON.stringify(old ?? null);
  });
  return Object.fromEntries(changed);
}

/** The changes from `before` to `after`, made to what somebody else left. */
export function moved(
  before: Record<string, unknown>,
  after: Record<string, unknown>,
  theirs: Record<string, unknown>,
): Record<string, unknown> {
  const result = { ...theirs };
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (before[name] === after[name]) continue;
    if (name in after) result[name] = after[name];
    else delete result[name];
  }
  return result;
}
