// What the page says. Every language has all of it, or the type check fails; codes of the API are keys here, so a
// new one fails it, too.
import type { Schemas } from "../api/client";
import type { Kind } from "../api/failure";
import type { AnalyticsWords } from "./analytics";
import type { AuditWords } from "./audit";
import type { CampaignsWords } from "./campaigns";
import type { InboxWords } from "./inbox";
import type { MessagesWords } from "./messages";
import type { OfficeWords } from "./office";
import type { PeopleWords } from "./people";
import type { TemplateWords } from "./templates";

/** `{n}` and other names in braces are replaced. */
export type Text = string;
/** Words that follow a number, by the plural classes of the language; `other` always. */
export type Counted = Partial<Record<Intl.LDMLPluralRule, Text>> & { other: Text };

type Words<Key extends string> = Record<Key, Text>;

export interface Catalogue {
  app: Words<
    | "name"
    | "skip"
    | "navigation"
    | "campaigns"
    | "account"
    | "workspace"
    | "signOut"
    | "language"
    | "theme"
    | "themeSystem"
    | "themeLight"
    | "themeDark"
    | "loading"
    | "retry"
    | "back"
    | "live"
    | "notLive"
    | "notFound"
    | "notFoundHint"
    | "home"
  >;
  role: Words<Schemas["Role"]>;
  signIn: Words<"title" | "hint" | "email" | "password" | "submit" | "busy" | "wrong" | "ended">;
  failure: Record<Kind, { title: Text; hint: Text }>;
  failureId: Text;
  list: Words<
    | "title"
    | "new"
    | "all"
    | "status"
    | "name"
    | "occasion"
    | "drafted"
    | "sent"
    | "failed"
    | "created"
    | "empty"
    | "emptyHint"
    | "emptyFiltered"
    | "emptyFilteredHint"
    | "showAll"
  >;
  pages: Words<"label" | "previous" | "next" | "range">;
  status: Words<Schemas["CampaignStatus"]>;
  occasion: Words<Schemas["Occasion"]>;
  tone: Words<Schemas["Tone"]>;
  schedule: Words<"immediate" | "scheduled" | "scheduledLocal" | "recurring" | "birthday" | "date">;
  channel: Words<"email" | "sms" | "telegram" | "whatsapp" | "webhook">;
  action: Words<"execute" | "test" | "pause" | "resume" | "cancel">;
  confirm: Record<"execute" | "test" | "pause" | "resume" | "cancel", { title: Text; body: Text; yes: Text }>;
  confirmNo: Text;
  confirmCost: Text;
  confirmCostUnknown: Text;
  done: Words<"execute" | "test" | "pause" | "resume" | "cancel" | "create">;
  campaign: Words<
    | "about"
    | "schedule"
    | "audience"
    | "everybody"
    | "onePerson"
    | "channel"
    | "timeZone"
    | "text"
    | "byTemplate"
    | "byModel"
    | "byModelBatch"
    | "tone"
    | "context"
    | "nextRun"
    | "created"
    | "testMode"
    | "testModeHint"
    | "waiting"
    | "waitingSince"
    | "readOnly"
  >;
  progress: Words<"title" | "drafted" | "sent" | "failed" | "ended" | "toDraft" | "bar" | "review">;
  cost: Words<
    | "title"
    | "before"
    | "running"
    | "after"
    | "expected"
    | "atMost"
    | "spent"
    | "spentInAll"
    | "reserved"
    | "reservedHint"
    | "typical"
    | "drafted"
    | "toDraft"
    | "unknown"
    | "bar"
    | "ledger"
    | "ledgerHint"
    | "ledgerEmpty"
    | "model"
    | "calls"
    | "tokensIn"
    | "tokensOut"
    | "amount"
    | "total"
    | "agrees"
    | "moving"
    | "exact"
  >;
  basis: Words<"campaign" | "workspace" | "bound" | "no_model" | "unknown">;
  budgets: Words<
    "title" | "none" | "workspace" | "campaign" | "total" | "day" | "left" | "used" | "bar" | "tight"
  >;
  plan: Words<
    | "title"
    | "all"
    | "included"
    | "excluded"
    | "show"
    | "who"
    | "when"
    | "channel"
    | "variant"
    | "cost"
    | "state"
    | "drafted"
    | "planned"
    | "erased"
    | "empty"
    | "emptyHint"
    | "emptyFiltered"
  >;
  reason: Words<
    | "erased"
    | "no_address"
    | "bad_address"
    | "suppressed"
    | "no_consent"
    | "window_closed"
    | "template_value_missing"
    | "text_not_sendable"
    | "quiet_hours"
    | "no_sending_time"
    | "holidays_unknown"
    | "too_late"
    | "holdout"
  >;
  create: Words<
    | "title"
    | "name"
    | "occasion"
    | "audience"
    | "segment"
    | "segmentHint"
    | "language"
    | "anyLanguage"
    | "context"
    | "contextHint"
    | "tone"
    | "defaultTone"
    | "submit"
    | "cancel"
  >;
  counted: Record<"people", Counted>;
  inbox: InboxWords;
  messages: MessagesWords;
  people: PeopleWords;
  templates: TemplateWords;
  analytics: AnalyticsWords;
  audit: AuditWords;
  campaigns: CampaignsWords;
  office: OfficeWords;
}
