// How events are said.
import { word } from "../i18n";
import type { Catalogue } from "../i18n/catalogue";
import type { SealedEvent } from "./queries";

/** What happened, in the words that the screens of messages and contacts use for it. */
export function actionName(event: SealedEvent, t: Catalogue): string {
  const own = Object.hasOwn(t.audit.action, event.action);
  if (own) return word(t.audit.action, event.action);
  if (event.subject === "message") return word(t.messages.past, event.action);
  return Object.hasOwn(t.people.event, event.action)
    ? word(t.people.event, event.action)
    : word(t.messages.past, event.action);
}

/** Reasons that are codes are said in words. A text of a person stays as it is. */
export function reasonName(event: SealedEvent, t: Catalogue): string | null {
  const { reason } = event;
  if (reason === null || reason === undefined) return null;
  // Where a campaign stood then has a place of its own.
  if (event.subject === "campaign") return null;
  if (event.subject === "contact") {
    // The names of fields that changed.
    const codes = reason.split(", ").map((one) => one.replace(/^custom_fields\./u, ""));
    const names = codes.map((one) => word(t.people.field, one));
    return names.map((one) => word(t.people.consent.reasons, one)).join(", ");
  }
  return word(t.people.consent.reasons, reason);
}

/** Whether what stands beside the event says why, and not what of it changed. */
export function isWhy({ subject }: SealedEvent): boolean {
  return !["contact", "budget", "field_definition", "export"].includes(subject);
}
