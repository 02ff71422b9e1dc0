// What two contacts are together, as the host puts them: what is kept stays, what it lacks is filled, and what was chosen
// comes from the one that goes.
import type { FieldName } from "./facts-of";
import type { Contact } from "./words";

/** Fields of which one may be chosen. */
export const CHOSEN = [
  "name",
  "email",
  "phone",
  "whatsapp",
  "telegram_chat_id",
  "company",
  "position",
  "segment",
  "language",
  "birthday",
  "time_zone",
  "preferred_channels",
  "custom_fields",
] as const satisfies readonly FieldName[];

export type Chosen = (typeof CHOSEN)[number];

function empty(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** Whether both say something, and not the same. */
export function differs(kept: Contact, gone: Contact, name: Chosen): boolean {
  if (empty(kept[name]) || empty(gone[name])) return false;
  return JSON.stringify(kept[name]) !== JSON.stringify(gone[name]);
}

export function together(kept: Contact, gone: Contact, take: ReadonlySet<Chosen>): Contact {
  const both = { ...kept };
  for (const name of CHOSEN) {
    const [first, second] = take.has(name) ? [gone[name], kept[name]] : [kept[name], gone[name]];
    Object.assign(both, { [name]: empty(first) ? second : first });
  }
  const [first, second] = take.has("custom_fields") ? [gone, kept] : [kept, gone];
  const [early, late] = take.has("preferred_channels") ? [gone, kept] : [kept, gone];
  return {
    ...both,
    tags: [...new Set([...kept.tags, ...gone.tags])].sort(),
    custom_fields: { ...second.custom_fields, ...first.custom_fields },
    preferred_channels: [...new Set([...early.preferred_channels, ...late.preferred_channels])],
    external_id: kept.external_id ?? gone.external_id ?? null,
  };
}
