// The fields of a contact and their values as people read them: for the facts, for a merge, for a conflict.
import { word, type Say } from "../i18n";
import { birthday, channelName, languageName, segmentName, shownValue, type Contact } from "./words";

export const FIELDS = [
  "name",
  "email",
  "phone",
  "whatsapp",
  "telegram_chat_id",
  "company",
  "position",
  "segment",
  "tags",
  "language",
  "birthday",
  "time_zone",
  "preferred_channels",
  "custom_fields",
  "external_id",
  "last_interaction_date",
  "consent",
] as const satisfies readonly (keyof Contact)[];

export type FieldName = (typeof FIELDS)[number];

export function fieldLabel(name: FieldName, { t }: Say): string {
  return t.people.field[name];
}

export function fieldText(contact: Contact, name: FieldName, say: Say): string {
  const { t, moment } = say;
  switch (name) {
    case "segment":
      return segmentName(contact.segment, t);
    case "language":
      return languageName(contact.language);
    case "birthday":
      return contact.birthday ? birthday(contact.birthday, say) : "";
    case "tags":
      return contact.tags.join(", ");
    case "preferred_channels":
      return contact.preferred_channels.map((one) => channelName(one, say)).join(", ");
    case "custom_fields":
      return Object.entries(contact.custom_fields)
        .map(([key, value]) => `${key}: ${shownValue(value, say)}`)
        .join(", ");
    case "consent":
      return contact.consent
        .map((one) => `${channelName(one.channel, say)}: ${word(t.people.consent.statuses, one.status)}`)
        .join(", ");
    case "last_interaction_date":
      return contact.last_interaction_date ? moment(contact.last_interaction_date) : "";
    default:
      return contact[name] ?? "";
  }
}
