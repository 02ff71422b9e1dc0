// An outreach engine for the CRM you already have: drafts, approvals, delivery at most once.
//
// Rows are plain objects with the engine's own field names. Instants are text in RFC 3339 and UTC, ids
// are UUIDs as text, money is exact decimal text. Where an instant goes in, a Date does as well.

/**
 * Who receives: everybody is `{ and: [] }`. Where one goes in, a text does as well: `'segment = vip and not has email'`.
 */
export type Audience =
  | { and: Audience[] }
  | { or: Audience[] }
  | { not: Audience }
  | { segment: string }
  | { tag: string }
  | { language: string }
  | { birthday_within: number }
  | { birthday_month: number }
  | { custom_field: CustomField }
  | {
      consent: {
        channel: string;
        topic: 'relationship' | 'marketing';
        status: 'opted_in' | 'opted_out' | 'none';
      };
    }
  | { last_interaction_before: { days: number } | { date: string } }
  | {
      has:
        | 'email'
        | 'phone'
        | 'telegram_chat_id'
        | 'whatsapp'
        | 'birthday'
        | 'company'
        | 'position'
        | 'external_id'
        | 'time_zone'
        | 'last_interaction_date';
    }
  | { in_campaign: string }
  | { saved: string }
  | {
      message: {
        state: 'sent' | 'delivered' | 'failed';
        campaign?: string;
        within_days?: number;
      };
    }
  | { contact: string };

/** A custom field and one test; the four comparisons take a number, a date or an instant. */
export type CustomField = { name: string } & (
  | { equals: string | number | boolean }
  | { less_than: string | number }
  | { at_most: string | number }
  | { greater_than: string | number }
  | { at_least: string | number }
  | { exists: true }
);

/** When a campaign writes. */
export type Schedule =
  | { type: 'immediate' }
  | { type: 'scheduled'; at: Instant; local_time?: boolean }
  | { type: 'recurring'; cron: string; time_zone: string }
  | { type: 'rule'; rule: string; starts: string; time_zone: string }
  | ({ type: 'date' } & DateRule);

/** Which of a contact's dates, and how far from it a message leaves. */
export interface DateRule {
  /** `birthday` (unless set), or a custom field that holds days. */
  field?: string;
  /** How often the date comes; every year unless set. */
  repeat?: 'yearly' | 'once';
  /** Days from the date to the message, negative before it: -366 to 366. */
  offset_days?: number;
  /** Local hour it leaves, 0 to 23. */
  hour: number;
  /** What stands in for 29 February; `feb_28` unless set. */
  leap_day?: 'feb_28' | 'mar_1';
  /** How many days before it leaves a message is drafted: 0 to 60, 1 unless set. */
  ahead_days?: number;
}

export type Instant = string | Date;

export type Occasion = 'birthday' | 'new_year' | 'holiday' | 'promotion' | 'custom';

export type Role = 'viewer' | 'manager' | 'admin';

export type Format = 'text' | 'html';

export type AddressKind = 'email' | 'phone' | 'telegram' | 'whatsapp' | 'external_id';

export type Tone = 'professional_friendly' | 'formal' | 'casual' | 'warm';

export type Severity = 'notice' | 'warning' | 'blocking';

export type Guardrail = 'length' | 'parts' | 'placeholder' | 'language' | 'number' | 'name' | 'link' | 'banned_term' | 'personal_data' | 'instructions' | 'greeting' | 'duplicate' | 'injection';

export type MessageStatus = 'draft' | 'pending_approval' | 'approved' | 'claimed' | 'sending' | 'sent' | 'delivered' | 'failed' | 'uncertain' | 'rejected' | 'cancelled' | 'expired';

export type CampaignStatus = 'draft' | 'scheduled' | 'active' | 'paused' | 'completed' | 'cancelled';

/** Part of a list. Give `next` as `after` to get the part behind it. */
export interface Page<T> {
  items: T[];
  total: number | null;
  next: string | null;
}

/** Which part of a list: at most `limit` (1 to 1,000, usually 100), newest first. */
export interface PageQuery {
  limit?: number;
  skip?: number;
  after?: string | null;
  oldest_first?: boolean;
  count?: boolean;
}

/** What a person agreed to hear about on a channel (`*` for all). */
export interface Consent {
  channel: string;
  topic: 'relationship' | 'marketing';
  status: 'opted_in' | 'opted_out';
  evidence?: string;
  at: Instant;
}

/** What a person is asked to say yes to. `evidence` says where they asked for it, after a no. */
export interface OptInWish {
  channel: string;
  topic: 'relationship' | 'marketing';
  evidence?: string | null;
}

/** What a host knows about a person. A contact needs a name. */
export interface ContactFields {
  external_id?: string | null;
  name?: string;
  email?: string | null;
  phone?: string | null;
  telegram_chat_id?: string | null;
  whatsapp?: string | null;
  segment?: string;
  birthday?: string | Date | null;
  company?: string | null;
  position?: string | null;
  language?: string;
  time_zone?: string | null;
  tags?: string[];
  custom_fields?: Record<string, unknown>;
  preferred_channels?: string[];
  consent?: Consent[];
  last_interaction_date?: Instant | null;
}

/** What is said of a contact. A field that is left out is not spoken of, `null` clears it. */
export interface ContactPatch {
  external_id?: string | null;
  name?: string | null;
  email?: string | null;
  phone?: string | null;
  telegram_chat_id?: string | null;
  whatsapp?: string | null;
  segment?: string | null;
  birthday?: string | Date | null;
  company?: string | null;
  position?: string | null;
  language?: string | null;
  time_zone?: string | null;
  tags?: string[] | null;
  custom_fields?: Record<string, unknown> | null;
  preferred_channels?: string[] | null;
  consent?: Consent[] | null;
  last_interaction_date?: Instant | null;
}

/** How two contacts become one. */
export interface MergeOptions {
  /** Fields that come from the contact that goes, where it has them: any but `external_id`, `tags` and `consent`. */
  take?: string[];
  /** The version of the contact that is kept; any other is refused. */
  version?: number | null;
  /** The version of the contact that goes; any other is refused. */
  contact_version?: number | null;
}

/** What became of one row; the last three say why it was refused. */
export interface UpsertOutcome {
  outcome: 'created' | 'updated' | 'unchanged' | 'refused';
  /** None for a refused row of nobody who is there. */
  id: string | null;
  /** The names of the fields that changed. */
  changed: string[];
  code: string | null;
  reason: string | null;
  errors: FieldError[];
}

/** A person. */
export interface Contact {
  workspace: string;
  id: string;
  version: number;
  external_id: string | null;
  name: string;
  email: string | null;
  phone: string | null;
  telegram_chat_id: string | null;
  whatsapp: string | null;
  segment: string;
  birthday: string | null;
  company: string | null;
  position: string | null;
  language: string;
  time_zone: string | null;
  /** The zone that the phone number tells while `time_zone` is not known. */
  guessed_time_zone: string | null;
  tags: string[];
  custom_fields: Record<string, unknown>;
  preferred_channels: string[];
  consent: Consent[];
  last_interaction_date: string | null;
  erased: boolean;
  /** The contact that this one was merged into, of which no more than an id is left then. */
  merged_into: string | null;
  created_by: string;
  created_at: string;
  updated_at: string;
}

/** Which contacts; all conditions hold together. */
export interface ContactQuery extends PageQuery {
  email?: string;
  external_id?: string;
  phone?: string;
  search?: string;
  audience?: Audience | string;
}

/** A row of an import that could not be taken. */
export interface RejectedRow {
  line: number;
  cells: string[];
  reason: string;
}

/** What comes first in dates that can be read in two ways. */
export type DateOrder = 'day_first' | 'month_first';

/** What is known of a file of contacts beforehand; the rest is found out. */
export interface ImportOptions {
  /** `utf-8`, `windows-1251`, `cp866`, ... */
  encoding?: string | null;
  /** `,` `;` `|` or a tab. */
  separator?: string | null;
  /** The sheet of a workbook; the first one unless said. */
  sheet?: string | null;
  /** The country that phone numbers without a country code are of, as two letters; `UZ` unless said. */
  region?: string | null;
  dates?: DateOrder | null;
  /** What columns fill, by their names; `null` leaves one out. */
  mapping?: Record<string, string | null>;
  /** What becomes of people who are already there; `skip` unless said. */
  duplicates?: ImportDuplicates;
}

/**
 * What becomes of people who are already there, by external id, e-mail or phone: nothing; what the file says replaces what is
 * known; it fills what is empty; one more contact.
 */
export type ImportDuplicates = 'skip' | 'update' | 'fill' | 'create';

/** How a file of contacts is written, and whom it holds; what is not said is as usual for the format. */
export interface ExportOptions {
  /** Usually `csv`. */
  format?: 'csv' | 'vcard' | 'json_lines';
  /** CSV alone: as spreadsheets open it by a double click. */
  excel?: boolean;
  /** CSV alone: `utf-8`, `utf-8-bom`, `utf-16le`, `utf-16be`, `windows-1251`, `windows-1252`, `ibm866`, `koi8-r`. */
  encoding?: string | null;
  /** CSV alone: `,` `;` `|` or a tab. */
  separator?: string | null;
  line_end?: 'lf' | 'crlf' | null;
  vcard_version?: '3.0' | '4.0' | null;
  /** Custom fields that are written; all unless set. */
  custom_fields?: string[] | null;
  audience?: Audience | null;
  /** Part of name, e-mail or company. */
  search?: string | null;
}

/** What an export wrote. */
export interface ExportReport {
  contacts: number;
  /** Cells with a character that the encoding has not; `?` stands in its place. */
  lossy_cells: number;
  /** Custom fields that no column was written for. */
  left_out: number;
}

/** All that is kept about one person: a document for them. */
export interface SubjectAccess {
  at: string;
  contact: Contact;
  /** Those that were merged into it: ids, and the external ids that still lead to it. */
  merged: Contact[];
  messages: Record<string, unknown>[];
  plans: Record<string, unknown>[];
  suppressions: Record<string, unknown>[];
  inbound: Record<string, unknown>[];
  history: Record<string, unknown>[];
}

/** Something a person should look at: `one_column`, `ambiguous_dates`, `doubtful_encoding`, `more_sheets`. */
export interface ImportWarning {
  code: string;
  column?: string;
}

/** What was found out about an imported file. */
export interface Detected {
  format: 'csv' | 'vcard' | 'json_lines' | 'xlsx';
  encoding: string;
  encoding_confidence: number;
  sheet: string;
  separator: string;
  line_end: 'lf' | 'crlf' | 'cr' | 'mixed';
  says_separator: boolean;
  region: string;
  profile: string;
  confidence: number;
  columns: string[];
  mapping: Record<string, string | null>;
  dates: Record<string, DateOrder>;
  rows: number;
  warnings: ImportWarning[];
}

/** A cell that says nothing usable, in a row that was taken without it. */
export interface LostValue {
  line: number;
  column: string;
  reason: string;
}

/** What an import did. */
export interface ImportReport {
  import_id: string;
  detected: Detected;
  rows: number;
  created: number;
  updated: number;
  skipped: number;
  rejected: RejectedRow[];
  lost: LostValue[];
}

/** What would become of one row, and the contact as it would be. */
export interface ImportSample {
  line: number;
  outcome: 'created' | 'updated' | 'skipped';
  contact: ContactFields;
  /** The names of the fields that would change; empty for a new contact. */
  changed: string[];
}

/** An audience, as JSON or as a text, and the name it is saved under. */
export interface SavedAudienceFields {
  /** Unique in the workspace, whatever the case. */
  name: string;
  description?: string | null;
  /** It may not name another saved one. */
  audience: Audience | string;
}

/** An audience that is saved under a name: a saved segment. */
export interface SavedAudience {
  workspace: string;
  id: string;
  version: number;
  name: string;
  description: string | null;
  audience: Audience;
  created_by: string;
  created_at: string;
  updated_at: string;
}

/** Whom an audience has now. */
export interface AudienceSample {
  count: number;
  /** The newest of them. */
  items: Contact[];
}

/** What the values of a custom field are. */
export type FieldType = 'text' | 'number' | 'boolean' | 'date' | 'choice';

/** What a custom field is: its type, for a `choice` the texts it is between, and what people call it. */
export interface DefinitionFields {
  label?: string | null;
  type: FieldType;
  options?: string[];
}

/** The definition of a custom field. */
export interface FieldDefinition {
  workspace: string;
  name: string;
  version: number;
  label: string | null;
  type: FieldType;
  options: string[];
  created_by: string;
  created_at: string;
  updated_at: string;
}

/** The definition of a custom field, and how it fits what is stored. */
export interface DefinedField extends FieldDefinition {
  /** How many contacts have a value that does not fit: one from before. It stays until somebody changes it. */
  unfitting: number;
}

/** A column that fills a custom field with a type. */
export interface TypedColumn {
  column: string;
  field: string;
  label: string | null;
  type: FieldType;
  options: string[];
  /** Rows that could not be taken because of what stands here. */
  refused: number;
  /** What stands in the first of them, at most five different values. */
  samples: string[];
}

/** What an import would do. */
export interface ImportPreview {
  detected: Detected;
  rows: number;
  created: number;
  updated: number;
  skipped: number;
  rejected: number;
  /** In very large files people who stand there twice may be counted as new. */
  exact: boolean;
  /** The first ten rows of each kind. */
  samples: ImportSample[];
  /** The first ten rows that could not be taken. */
  rejects: RejectedRow[];
  lost: LostValue[];
  /** The columns that fill custom fields with a type, and what in them could not be taken. */
  fields: TypedColumn[];
}

/** A contact that an import made or changed and that stays: `edited`, `has_messages` or `taken`. */
export interface KeptContact {
  id: string;
  reason: string;
}

/** What taking an import back did. */
export interface RevertReport {
  removed: number;
  restored: number;
  kept: number;
  items: KeptContact[];
}

/** What a person writes into a template. */
export interface TemplateFields {
  name: string;
  occasion_type: Occasion;
  segment?: string | null;
  channel?: string | null;
  language: string;
  subject?: string | null;
  content: string;
  format?: Format;
  is_active?: boolean;
}

/** A stored template. */
export interface Template {
  workspace: string;
  id: string;
  version: number;
  name: string;
  occasion_type: Occasion;
  segment: string | null;
  channel: string | null;
  language: string;
  subject: string | null;
  content: string;
  format: Format;
  is_active: boolean;
  created_by: string;
  created_at: string;
  updated_at: string;
}

/** Which templates. */
export interface TemplateQuery extends PageQuery {
  occasion_type?: Occasion;
  is_active?: boolean;
}

/** Whom a template is previewed for: a contact or made-up fields of one; and when it would leave, now unless set. */
export interface TemplatePreviewFor {
  contact_id?: string;
  sample?: ContactFields;
  at?: Instant | null;
}

/** A template as somebody would get it. With anything `missing` no message would be made. */
export interface TemplatePreview {
  template_id: string;
  template_version: number;
  language: string;
  contact_language: string;
  subject: string | null;
  content: string;
  format: Format;
  missing: TemplateGap[];
  channels: ChannelPreview[];
}

/** A value that a template names and the person does not give. */
export interface TemplateGap {
  variable: string;
  problem: 'missing' | 'not_a_date' | 'not_a_number';
}

/** A text on one channel. */
export interface ChannelPreview {
  channel: string;
  reachable: boolean;
  subject: boolean;
  characters: number;
  max_length: number | null;
  sendable: boolean;
  units: TextUnits;
}

/** What a text is in the provider's units; `forced_by` is the first character that rules the cheaper encoding out. */
export interface TextUnits {
  count: number;
  unit: 'message' | 'part';
  encoding?: 'gsm-7' | 'ucs-2';
  forced_by?: string;
}

/** A request for a draft. */
export interface GenerateMessage {
  contact_id: string;
  occasion_type: Occasion;
  custom_context?: string | null;
  tone?: Tone;
  channel?: string | null;
}

/** A text a person wrote. */
export interface NewDraft {
  contact_id: string;
  occasion_type: Occasion;
  content: string;
  subject?: string | null;
  channel?: string | null;
  format?: Format;
  scheduled_for?: Instant | null;
  expires_at?: Instant | null;
}

/** A change; what is not given stays, `null` removes. */
export interface MessageEdit {
  version?: number | null;
  content?: string;
  subject?: string | null;
  scheduled_for?: Instant | null;
}

/** Where a text came from. */
export interface Provenance {
  model: string | null;
  input_tokens: number;
  output_tokens: number;
  cost_usd: string;
  tone: string | null;
  /** Which variant of its campaign it is. */
  variant: string | null;
  language: string | null;
  generated_at: string | null;
  fallback_used: boolean;
  fallback_step: 'other_model' | 'template' | 'greeting' | null;
  error: string | null;
  template_id: string | null;
  template_version: number | null;
  request_id: string | null;
  prompt_version: string | null;
  context: string | null;
  flagged: string[];
}

/** One of several texts to choose from; nothing of it is stored. */
export interface Variant {
  subject: string | null;
  content: string;
  format: Format;
  generated_by: 'AI' | 'manual';
  metadata: Provenance;
}

/** A text that the house likes, written for this purpose. */
export interface VoiceExample {
  occasion: Occasion;
  language: string;
  subject?: string | null;
  content: string;
}

/** Who the house is, how it writes, what it never says, how it signs, and texts it likes. */
export interface VoiceFields {
  about?: string;
  style?: string;
  do_not?: string[];
  signature?: string | null;
  examples?: VoiceExample[];
}

/** The voice of a workspace; of version 0 while none was set. */
export interface Voice {
  workspace: string;
  version: number;
  about: string;
  style: string;
  do_not: string[];
  signature: string | null;
  examples: VoiceExample[];
  updated_by: string;
  updated_at: string;
}

/** From `start` to before `end`, in Unicode scalar values. */
export interface Span {
  start: number;
  end: number;
}

/** One thing that is wrong with a text, or may be. It never repeats the text. */
export interface Finding {
  rule: Guardrail;
  severity: Severity;
  /** `content` is the text as its reader sees it; `field` one of the contact's. */
  part: 'subject' | 'content' | 'field';
  span: Span | null;
  message: string;
}

/** What texts are checked by; see `docs/guardrails.md`. */
export interface GuardrailRules {
  levels?: Partial<Record<Guardrail, 'off' | 'notice' | 'warning' | 'blocking'>>;
  max_length?: number | null;
  max_parts?: number;
  banned_terms?: string[];
  allowed_hosts?: string[];
  facts?: string[];
}

/** A message and its current text. */
export interface Message {
  id: string;
  contact_id: string;
  campaign_id: string | null;
  occasion_type: Occasion;
  channel: string;
  recipient: string;
  subject: string | null;
  content: string;
  format: Format;
  status: MessageStatus;
  version: number;
  revision: number;
  digest: string;
  generated_by: 'AI' | 'manual';
  metadata: Provenance;
  created_by: string;
  approved_by: string | null;
  approved_at: string | null;
  scheduled_for: string | null;
  expires_at: string | null;
  not_before: string;
  /** Since when it is due; `null` unless it waits to leave, is about to, or is in doubt. */
  queued_at: string | null;
  attempts: number;
  failure: string | null;
  provider_id: string | null;
  sent_at: string | null;
  /** What guardrails found in the current text. */
  findings: Finding[];
  test_mode: boolean;
  allowed_actions: string[];
  created_at: string;
  updated_at: string;
}

/** Which messages. */
export interface MessageQuery extends PageQuery {
  status?: MessageStatus;
  occasion_type?: Occasion;
  contact_id?: string;
  campaign_id?: string;
  generated_by?: 'AI' | 'manual';
  search?: string;
  /** With a finding at least as grave. */
  severity?: Severity;
  /** The gravest findings first. */
  gravest_first?: boolean;
}

/** One event of the history. `position` and hashes come with the seal, within about a second. */
export interface Event {
  id: string;
  at: string;
  actor: string;
  role: string;
  subject: string;
  subject_id: string;
  action: string;
  status: MessageStatus | null;
  version: number;
  revision: number | null;
  digest: string | null;
  reason: string | null;
  position: number | null;
  prev_hash: string | null;
  hash: string | null;
}

/** What a person sets in a campaign. */
export interface CampaignFields {
  name: string;
  description?: string | null;
  occasion_type: Occasion;
  audience: Audience | string;
  schedule: Schedule;
  channel: string;
  /** For those whom `channel` does not reach, best first. */
  fallback_channels?: string[];
  time_zone?: string;
  template_id?: string | null;
  tone?: Tone | null;
  custom_context?: string | null;
  /** What it does while no model writes: have something stand in, or wait. */
  when_unavailable?: 'fallback' | 'wait';
  /** At once, or in jobs of the provider: within a day, for about half the price. */
  drafting?: 'now' | 'batch';
  /** When its messages may leave by the recipients' clocks; always unless set. */
  sending_times?: SendingTimes;
  /** Minutes over which its messages are spread: 0 (unless set) to 10,080. */
  spread_minutes?: number;
  /** Texts that are tried against each other. */
  variants?: Variants | null;
}

/** The part of each day in which nothing leaves, as wall times `HH:MM`; it may span midnight. */
export interface QuietHours {
  from: string;
  until: string;
}

export type Day = 'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';

/** When messages may leave by the recipient's clock. What is left out limits nothing. */
export interface SendingTimes {
  quiet_hours?: QuietHours | null;
  /** At least one; all unless set. */
  working_days?: Day[];
  /** Names of calendars on whose days nothing leaves: `uz`, `ru` or those of the engine. */
  holidays?: string[];
  /** What becomes of a message at any other time: it waits (unless set), or is not sent. */
  otherwise?: 'hold' | 'skip';
}

/** A calendar of holidays. What names the date itself wins over what names the day of every year. */
export interface Calendar {
  name: string;
  /** The built-in calendar whose holidays are holidays here, too. */
  based_on?: 'uz' | 'ru' | null;
  /** `YYYY-MM-DD`, or `--MM-DD` for every year. */
  days?: string[];
  /** Days that are worked although `based_on` or a day of every year says otherwise. */
  worked?: string[];
}

/** One of several texts. What it leaves out is as the campaign has it. */
export interface Arm {
  /** 1 to 20 characters. */
  name: string;
  /** Its share among the weights of all, 1 to 1,000. */
  weight: number;
  template_id?: string | null;
  tone?: Tone | null;
  custom_context?: string | null;
}

/** Texts that are tried against each other. Who gets which is drawn for each contact, and stays. */
export interface Variants {
  /** 1 to 26; the first one is what the others are compared with. */
  arms: Arm[];
  /** How many of a thousand contacts get nothing, 0 to 999. */
  holdout_permille?: number;
}

/** The figures of one variant. */
export interface VariantStats {
  name: string;
  generated_count: number;
  /** Approved or rejected. */
  decided_count: number;
  /** Of the decided ones, those that were approved with another text than the first. */
  edited_count: number;
  rejected_count: number;
  sent_count: number;
  failed_count: number;
}

export interface Interval {
  low: number;
  high: number;
}

export interface Counts {
  n: number;
  successes: number;
}

/** What is known of one variant. */
export interface ArmResult {
  counts: Counts;
  /** `null` while nothing was counted. */
  rate: number | null;
  /** Where the true rate is, at all looks together in 95 of 100 experiments. */
  interval: Interval;
}

/** One variant against the first one. */
export interface Comparison {
  /** Its place in the list, 1 or more. */
  arm: number;
  difference: number | null;
  interval: Interval;
  /** Always valid: at most 0.05 is an alarm, however often one looks. */
  p_value: number;
}

/** The variants against each other. */
export interface Report {
  arms: ArmResult[];
  comparisons: Comparison[];
  verdict: { type: 'go_on' } | { type: 'suggest_stop'; winner: number };
}

/** What a campaign's variants show so far. */
export interface Experiment {
  variants: VariantStats[];
  holdout_permille: number;
  /** Which texts people had to edit: fewer are better. */
  edited: Report | null;
  /** Which texts people rejected: fewer are better. */
  rejected: Report | null;
}

/** Why nothing of a campaign is drafted for now. */
export interface CampaignWaiting {
  reason: string;
  since: string;
}

/** A stored campaign. */
export interface Campaign {
  workspace: string;
  id: string;
  version: number;
  name: string;
  description: string | null;
  occasion_type: Occasion;
  audience: Audience;
  schedule: Schedule;
  channel: string;
  fallback_channels: string[];
  time_zone: string;
  template_id: string | null;
  tone: Tone | null;
  custom_context: string | null;
  when_unavailable: 'fallback' | 'wait';
  drafting: 'now' | 'batch';
  sending_times: SendingTimes;
  spread_minutes: number;
  variants: Variants | null;
  status: CampaignStatus;
  test_mode: boolean;
  occurrence: string | null;
  plan_cursor: string | null;
  planned: boolean;
  waiting: CampaignWaiting | null;
  next_run_at: string | null;
  created_by: string;
  created_at: string;
  updated_at: string;
}

/** Which campaigns. */
export interface CampaignQuery extends PageQuery {
  status?: CampaignStatus;
  occasion_type?: Occasion;
}

/** A campaign's figures. */
export interface CampaignStats {
  generated_count: number;
  sent_count: number;
  failed_count: number;
  ended_count: number;
}

/** What a budget limits: all that is ever spent, or each day. */
export type Period = 'total' | 'day';

/** A limit on what drafts cost, and how much of it is used. Amounts are US dollars as exact text. */
export interface Budget {
  /** `null` for the whole workspace, its campaigns included. */
  campaign_id: string | null;
  period: Period;
  limit_usd: string;
  /** In all, or today; calls whose answer was lost are assumed to have cost what was reserved. */
  spent_usd: string;
  /** What calls under way can cost at most. */
  reserved_usd: string;
  left_usd: string;
  version: number;
}

/**
 * Which sums, by name: give the last `name` as `after` to get the part behind it. Days are those of the workspace,
 * `YYYY-MM-DD`.
 */
export interface UsageQuery {
  group?: 'model' | 'campaign' | 'actor' | 'day';
  from_day?: string;
  to_day?: string;
  campaign_id?: string;
  actor?: string;
  model?: string;
  limit?: number;
  after?: string;
}

/** What was spent on one model, by one campaign (its id; empty for none), by one actor or on one day. */
export interface UsageSum {
  name: string;
  calls: number;
  cost_usd: string;
  reserved_usd: string;
  input_tokens: number;
  output_tokens: number;
  cache_write_5m_tokens: number;
  cache_write_1h_tokens: number;
  cache_read_tokens: number;
}

/** Which calls of models. */
export interface UsageCallQuery extends PageQuery {
  state?: 'reserved' | 'settled' | 'released' | 'assumed';
  from_day?: string;
  to_day?: string;
  campaign_id?: string;
  actor?: string;
}

/**
 * One call of a model: under way (`reserved`), ended (`settled`), without cost (`released`), or with its answer lost
 * (`assumed`: it counts as much as was reserved).
 */
export interface UsageCall {
  id: string;
  at: string;
  day: string;
  actor: string;
  campaign_id: string | null;
  model: string;
  answered: string | null;
  state: 'reserved' | 'settled' | 'released' | 'assumed';
  reserved_usd: string | null;
  cost_usd: string;
  input_tokens: number;
  output_tokens: number;
  cache_write_5m_tokens: number;
  cache_write_1h_tokens: number;
  cache_read_tokens: number;
  batch: boolean;
  request_id: string | null;
  failure: string | null;
  closed_at: string | null;
}

/**
 * What a campaign costs: before it runs an estimate, while it runs what was spent and what is to come, after it what
 * was spent.
 */
export interface CampaignCost {
  drafted: number;
  to_draft: number;
  spent_usd: string;
  reserved_usd: string;
  /** What one draft usually costs; `null` when nobody knows. */
  typical_usd: string | null;
  /** Where that is taken from. */
  basis: 'campaign' | 'workspace' | 'bound' | 'no_model' | 'unknown';
  expected_total_usd: string | null;
  at_most_usd: string | null;
}

/** How far a batch of drafts is at the provider. */
export interface DraftBatch {
  /** `batch_id` of the plan's lines in it. */
  id: string;
  /** `submitting` while it is not known whether the provider has it. */
  state: 'planned' | 'submitting' | 'running' | 'closed';
  /** How many lines it was made of; once it is handed over, how many requests. */
  requests: number;
  /** How often the provider surely did not take it. */
  attempt: number;
  submitted_at: string | null;
  /** Not looked at before. */
  due_at: string;
  /** Failed calls since the last one that brought an answer. */
  failures: number;
  /** Code of the last failure, until a call brings an answer. */
  last_error: string | null;
  created_at: string;
  closed_at: string | null;
}

/** Which lines of a plan. */
export interface PlanQuery extends PageQuery {
  occurrence?: string;
  excluded?: boolean;
}

/** One line of a plan: who, when, how, or why not. */
export interface PlanRow {
  campaign_id: string;
  occurrence: string;
  contact_id: string;
  channel: string;
  send_at: string | null;
  local_time: string | null;
  time_zone: string;
  excluded: string | null;
  /** Which of the campaign's variants it is. */
  variant: string | null;
  message_id: string | null;
  /** The job of the provider that drafts it, or did. */
  batch_id: string | null;
}

/** The first look. */
export interface Dashboard {
  total_contacts: number;
  total_messages: number;
  pending_approval: number;
  approved: number;
  sent: number;
  active_campaigns: number;
  messages_this_month: number;
  generated_at: string;
}

/** What drafting cost. */
export interface AiUsage {
  ai_generated: number;
  manual: number;
  total_tokens_used: number;
  total_cost_usd: string;
}

/** The end of the sealed history; keep copies elsewhere. */
export interface Checkpoint {
  position: number;
  hash: string;
}

export type BulkAction = 'approve' | 'reject' | 'cancel' | 'resolve_sent' | 'resolve_resend' | 'resolve_failed';

/** Which messages a decision is about; all conditions hold together. */
export interface BulkSelection {
  ids?: string[];
  status?: MessageStatus;
  occasion_type?: Occasion;
  contact_id?: string;
  campaign_id?: string;
  generated_by?: 'AI' | 'manual';
  search?: string;
  severity?: Severity;
}

/** What a decision over many messages would touch, and the first of them. */
export interface BulkPreview {
  count: number;
  /** How many have blocking findings: approving refuses these. */
  blocked: number;
  /** What guardrails found in how many of them, the gravest first. */
  findings: BulkFinding[];
  manifest: string;
  sample: Message[];
}

/** What a guardrail found among many messages. */
export interface BulkFinding {
  rule: Guardrail;
  severity: Severity;
  messages: number;
}

/** Messages of a campaign whose texts are alike; `exact`: the same but for the name. */
export interface Duplicates {
  messages: string[];
  exact: boolean;
}

/** One message that was not decided: `skipped` because it changed, or `failed`. */
export interface BulkItem {
  id: string;
  outcome: 'skipped' | 'failed';
  detail: string;
}

/** What a decision over many messages did; at most 1,000 items. */
export interface BulkResult {
  applied: number;
  skipped: number;
  failed: number;
  items: BulkItem[];
}

/** Why nothing is sent until an admin acknowledges it. */
export interface Hold {
  reason: 'failed_over' | 'restored' | 'moved';
  noted: string;
  found: string;
}

/** What checking the history found. */
export interface Verification {
  valid: boolean;
  sealed: number;
  first_bad: number | null;
  checkpoint: Checkpoint;
}

/**
 * One event of the history, as a subscriber is told of it: ids and codes, nothing that a person wrote.
 *
 * `id` is the same however often it is told; `position` counts 1, 2, 3, ... in the workspace. What happened is
 * `action`, in the past tense, to the row `subject_id` of the kind `subject`.
 */
export interface StateChange {
  id: string;
  position: number;
  workspace: string;
  at: string;
  subject: string;
  subject_id: string;
  action: string;
  status: MessageStatus | null;
  version: number;
  actor: string;
  role: string;
  code: string | null;
}

/** Something that was committed, as an observer is told of it. */
export interface Notice {
  workspace: string;
  subject: string;
  id: string;
  action: string;
  status: MessageStatus | null;
  version: number;
}

/** What became of a call of a subscriber; made by the functions of `told`. */
export interface Told {
  told: 'taken' | 'later' | 'closed';
  at_least_ms?: number | null;
  reason?: string;
}

/** How a subscriber is called: with up to `batch` changes (usually 100), for 30,000 ms at most. */
export interface SubscriberCapabilities {
  batch?: number;
  timeout_ms?: number;
}

/**
 * How far a subscriber was told of the history.
 *
 * `failing` ones are called again at `due_at`, `disabled` ones not until they are enabled. `last_error` is a code:
 * of your own, `plugin_raised`, `plugin_not_reachable`, `timeout` or `bad_answer`.
 */
export interface Subscription {
  name: string;
  state: 'active' | 'failing' | 'disabled';
  position: number;
  /** Sealed events behind it. */
  lag: number;
  failures: number;
  failing_since: string | null;
  last_error: string | null;
  due_at: string;
  disabled_at: string | null;
  created_at: string;
  /** Whether this engine has a subscriber of this name. */
  set_up: boolean;
}

/** What the worker did. */
export interface Work {
  /** Rows of the intake that were worked off. */
  drained: number;
  planned: number;
  drafted: number;
  begun: number;
  swept: number;
  sealed: number;
  /** State changes that subscribers took. */
  told: number;
}

/** So many units (parts of text messages, or messages) in so many seconds. */
export interface Rate {
  units: number;
  per: number;
}

/** How a provider over HTTP is reached. `base` is another server than the provider's own. Seconds. */
export interface Http {
  base?: string;
  connect_timeout?: number;
  timeout?: number;
  extra_roots_pem?: string;
}

/**
 * Keys of a channel, whoever its provider is: one that takes nothing rests for `rest` seconds (usually 30),
 * longer each time up to `most` (usually 1,800).
 */
export interface Layers {
  rest?: number;
  most?: number;
  rate?: Rate;
}

/** Files, in `directory` or in the outbox of `open`. */
export interface OutboxSettings extends Layers {
  type: 'outbox';
  name?: string;
  directory?: string;
  address?: AddressKind;
}

/** Signs mails, for relays that do not. The key is PEM: RSA of 2,048 bits or more, or Ed25519. */
export interface Dkim {
  domain: string;
  selector: string;
  private_key: string;
}

/** A mail relay. `unsubscribe` (usually true): mails say where to, once `open` knows. */
export interface SmtpSettings extends Layers {
  type: 'smtp';
  name?: string;
  host: string;
  port?: number;
  tls?: 'none' | 'starttls' | 'implicit';
  user?: string;
  password?: string;
  from: string;
  hello?: string;
  connect_timeout?: number;
  command_timeout?: number;
  data_timeout?: number;
  max_connections?: number;
  concurrency?: number;
  extra_roots_pem?: string;
  allow_insecure_auth?: boolean;
  unsubscribe?: boolean;
  return_path?: string;
  html_alternative?: boolean;
  dkim?: Dkim;
}

/** Text messages, or WhatsApp, through Twilio. */
export interface TwilioSettings extends Layers {
  type: 'twilio';
  name?: string;
  kind?: 'sms' | 'whatsapp';
  account_sid: string;
  auth_token: string;
  api_key_sid?: string;
  api_key_secret?: string;
  from: string;
  status_callback?: string;
  /** WhatsApp: whether only people who wrote within 24 hours are written to. */
  window?: boolean;
  validity?: number;
  concurrency?: number;
  http?: Http;
}

/** Text messages in Uzbekistan through Eskiz. */
export interface EskizSettings extends Layers {
  type: 'eskiz';
  name?: string;
  email: string;
  password: string;
  from?: string;
  callback_url?: string;
  callback_token?: string;
  concurrency?: number;
  http?: Http;
}

/** A bot. `webhook_secret` is what `setWebhook` was given as `secret_token`. */
export interface TelegramSettings extends Layers {
  type: 'telegram';
  name?: string;
  token: string;
  webhook_secret?: string;
  link_previews?: boolean;
  silent?: boolean;
  http?: Http;
}

/** An approved template; `{{1}}` in its body is where the text goes. */
export interface WhatsAppTemplate {
  name: string;
  language: string;
  body: string;
}

/** The Cloud API: free text, or with a `template`. */
export interface WhatsAppSettings extends Layers {
  type: 'whatsapp';
  name?: string;
  phone_number_id: string;
  access_token: string;
  app_secret?: string;
  verify_token?: string;
  preview_links?: boolean;
  /** Free text: whether only people who wrote within 24 hours are written to. Usual with `app_secret`. */
  window?: boolean;
  template?: WhatsAppTemplate;
  version?: string;
  http?: Http;
}

/** A signed request (Standard Webhooks) to a service of your own. */
export interface WebhookSettings extends Layers {
  type: 'webhook';
  name?: string;
  url: string;
  secrets: string[];
  event?: string;
  address?: AddressKind;
  gone?: 'address' | 'endpoint';
  allowed?: string[];
  http?: Http;
}

/** A provider, under the keys of the settings file of the host in `examples/host`. */
export type ProviderSettings = OutboxSettings | SmtpSettings | TwilioSettings | EskizSettings | TelegramSettings | WhatsAppSettings | WebhookSettings;

/**
 * Several providers behind one channel, the preferred one first. One that takes none rests, and the next one
 * has the messages, but never one that the first may have taken.
 */
export interface Providers extends Layers {
  providers: (ProviderSettings | Channel)[];
}

/** So many units (parts of text messages, or messages) in so many milliseconds. */
export interface RateLimit {
  units: number;
  per_ms: number;
}

/**
 * What a channel can do. Usually: `email`, with a subject, 16 at once, 30,000 ms.
 *
 * `look_up` and `receipts` are true when the channel has the methods `lookUp` and `read`, unless said otherwise.
 */
export interface Capabilities {
  address?: AddressKind;
  subject?: boolean;
  html?: boolean;
  max_length?: number | null;
  /** Whether the provider removes duplicates by `key`: what ends `unknown` is then sent again by itself. */
  idempotent?: boolean;
  look_up?: boolean;
  receipts?: boolean;
  /** Milliseconds after a person's last message (`inbound`) in which they may be written to; usually always. */
  window_ms?: number;
  rate?: RateLimit;
  concurrency?: number;
  timeout_ms?: number;
}

/** An approved message as a channel gets it. */
export interface Delivery {
  message_id: string;
  contact_id: string;
  /** Idempotency key: the same for all attempts that follow from one decision of a person. */
  key: string;
  attempt_id: string;
  attempt: number;
  channel: string;
  recipient: string;
  sender: string;
  subject: string | null;
  content: string;
  format: Format;
  digest: string;
}

/** How a delivery ended; made by the functions of `outcome`. */
export interface Outcome {
  outcome: 'accepted' | 'dead' | 'rejected' | 'retry_after' | 'stop' | 'unknown';
  provider_id?: string;
  reason?: string;
  scope?: 'message' | 'recipient' | 'channel';
  at_least_ms?: number;
}

/** A delivery of which nobody knows whether the provider took it. */
export interface Doubt {
  attempt_id: string;
  started_at: string;
  recipient: string;
  subject: string | null;
  content: string;
}

/** What a look-up found. `not_taken` is for when the provider proves it; `taken` has a `provider_id`. */
export interface LookUp {
  found: 'taken' | 'not_taken' | 'unknown';
  provider_id?: string;
  reason?: string;
}

/** A request that a provider made to the host, as it arrived. Signatures cover `url` and `body`. */
export interface Callback {
  url: string;
  headers: [string, string][];
  body: Uint8Array;
}

/**
 * How a delivery went, named by `provider_id` or by `attempt_id`. What failed has a code as `reason` and is
 * `dead` when its address can never work.
 */
export interface ReceiptNews {
  news: 'receipt';
  provider_id?: string | null;
  attempt_id?: string | null;
  fate: 'accepted' | 'failed' | 'delivered' | 'read';
  reason?: string | null;
  dead?: boolean | null;
  at?: Instant | null;
}

/** A person wants nothing more on this channel. `reason`: `reply` (usually), `blocked`, `complaint`. */
export interface OptOutNews {
  news: 'opt_out';
  address: string;
  reason?: string | null;
}

/** A person came back. */
export interface OptInNews {
  news: 'opt_in';
  address: string;
}

/** A person wrote something else. */
export interface InboundNews {
  news: 'inbound';
  address: string;
  at?: Instant | null;
}

/** One thing a provider says after the call. */
export type News = ReceiptNews | OptOutNews | OptInNews | InboundNews;

/** A callback that is not taken: its signature is wrong, or it is signed and cannot be read. */
export interface Refused {
  refused: 'forbidden' | 'invalid';
}

/** What a callback said, known things included. */
export interface Received {
  receipts: number;
  opt_outs: number;
  opt_ins: number;
  inbound: number;
}

/** What a provider said of a delivery; `at` is by its own clock. */
export interface Receipt {
  fate: 'accepted' | 'failed' | 'delivered' | 'read';
  reason: string | null;
  at: string | null;
  received_at: string;
}

/** One call of a provider. `outcome` is `null` while it is awaited. */
export interface Attempt {
  id: string;
  number: number;
  started_at: string;
  finished_at: string | null;
  outcome: Outcome['outcome'] | null;
  provider_id: string | null;
  reason: string | null;
  receipts: Receipt[];
}

/** What the bearer of a link wants: nothing more about `topic` on `channel`. */
export interface Unsubscription {
  workspace: string;
  contact_id: string;
  channel: string;
  topic: 'relationship' | 'marketing';
}

/** Headers of a request, as servers have them. */
export type RequestHeaders =
  | Iterable<[string, string]>
  | { readonly [name: string]: string | readonly string[] | undefined };

/** What a model is asked. `user` is JSON: data about the task, never instructions. */
export interface DraftRequest {
  system: string;
  user: string;
  language: string;
  subject: boolean;
  max_length: number;
  max_tokens: number;
}

/** A draft. `cost_picodollars` is 10^-12 US dollars. */
export interface Draft {
  content: string;
  subject?: string | null;
  language?: string | null;
  model?: string;
  input_tokens?: number;
  output_tokens?: number;
  cost_picodollars?: number;
  request_id?: string | null;
}

/** Why there is no draft; `reason` is a short code. */
export interface DraftFailure {
  failure: 'refused' | 'truncated' | 'bad_output' | 'unavailable' | 'configuration';
  reason?: string;
  retry_after_s?: number;
  input_tokens?: number;
  output_tokens?: number;
  cost_picodollars?: number;
}

/** What comes with a call of a plugin. */
export interface Call {
  /** Aborts when the engine stops waiting; what then still answers is not heard. */
  signal: AbortSignal;
}

/**
 * A channel of your own: any object with `send`.
 *
 * `send` delivers exactly `message.content` to `message.recipient`, once, and says how it ended
 * (`outcome`). `retryAfter` and `stop` are for when the message provably was not taken. A rejection, a
 * timeout or any other answer counts as unknown: a person decides.
 */
export interface Channel {
  /** What it can do. */
  readonly capabilities?: Capabilities;
  /** In a list of `providers`, the provider's name; usually `plugin`. */
  readonly name?: string;
  send(message: Delivery, call: Call): Outcome | PromiseLike<Outcome>;
  /** Asks the provider about what is unknown. A rejection, a timeout or any other answer settles nothing. */
  lookUp?(doubt: Doubt, call: Call): LookUp | PromiseLike<LookUp>;
  /**
   * Checks the signature of what the provider posted and says what it says. A rejection, a timeout or any other
   * answer makes `receive` reject with `unavailable`, and nothing is kept: let the provider come again.
   */
  read?(callback: Callback, call: Call): News[] | Refused | PromiseLike<News[] | Refused>;
  /**
   * What a text costs of `rate`, 1 to 1,000, without waiting for anything: deliveries stand still meanwhile. A
   * rejection or any other answer counts as 1; when it takes more than a second it is not asked again.
   */
  units?(subject: string | null, content: string, call: Call): number | PromiseLike<number>;
}

/**
 * A model of your own: any object with `draft`. A rejection, a timeout or an unusable answer counts as a
 * failure: a template or a built-in greeting stands in.
 */
export interface Llm {
  /** Milliseconds one draft may take; usually 60,000. */
  readonly timeout_ms?: number;
  /** The most one draft can cost, exact text such as `0.02`; without it no budget lets a draft through. */
  readonly worst_cost_usd?: string;
  draft(
    request: DraftRequest,
    call: Call,
  ): string | Draft | DraftFailure | PromiseLike<string | Draft | DraftFailure>;
}

/**
 * A subscriber of your own: any object with `deliver`.
 *
 * It is told of every state change of the workspaces that `subscribe` was called for, whichever process did it, at
 * least once and in order, one call at a time for each workspace. Do what `changes` ask for durably, then return
 * `told.taken()`. A rejection, a timeout or any other answer, `undefined` as well, counts as `later`: the same
 * changes come again, with the same ids, and nothing behind them before. After three days of failures it is
 * disabled.
 */
export interface Subscriber {
  /** Kinds it is told of, such as `message.sent` or `message.*`; usually all. What is passed over is gone. */
  readonly actions?: readonly string[];
  /** How it is called. */
  readonly capabilities?: SubscriberCapabilities;
  /** Takes these changes, oldest first. */
  deliver(changes: StateChange[], call: Call): Told | PromiseLike<Told>;
}

/**
 * An observer of your own: any object with `notice`.
 *
 * It is told at once of what this engine commits, in all workspaces, but for claims, and of nothing that other
 * processes do; nothing comes again. For a program that has to hear of everything there is `Subscriber`. What it returns or throws means
 * nothing. When it is called for longer than 30 seconds, or thousands of notices behind, it misses some.
 */
export interface Observer {
  /** Takes notices, oldest first. */
  notice(notices: Notice[], call: Call): unknown;
  /** Is told how many it missed. */
  lagged?(missed: number, call: Call): unknown;
}

/** A field that was refused and why. */
export interface FieldError {
  field: string;
  message: string;
}

/** Stable codes of failures. */
export type ErrorCode =
  | 'invalid'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'not_allowed'
  | 'precondition_required'
  | 'duplicate'
  | 'unsupported'
  | 'unavailable'
  | 'on_hold'
  | 'over_budget'
  | 'configuration'
  | 'corrupt'
  | 'closed'
  | 'forked'
  | 'internal';

/** What the engine refused or could not do; the text is one sentence for a person. */
export class CrmError extends Error {
  constructor(message: string, code?: ErrorCode, retryable?: boolean, fields?: FieldError[]);
  readonly code: ErrorCode;
  /** Whether the same call may succeed later: after loading fresh data, or after a pause. */
  readonly retryable: boolean;
  /** The refused fields, when the input was invalid. */
  readonly fields: FieldError[];
}

/** What an engine is opened with. */
export interface Options {
  /** The SQLite file, made when it is not there; or `postgres://user:password@host/database`. */
  path: string;
  /** PostgreSQL: the schema the engine's tables are in; usually `crm`. */
  schema?: string;
  /** PostgreSQL: connections at most, and one more to listen; usually 10. */
  connections?: number;
  /** Your own id of the user who works. */
  actor: string;
  /** What that user may do. */
  role: Role;
  /** Tenant; usually `default`. */
  workspace?: string;
  /** Folder for messages of channel `email` as files. */
  outbox?: string;
  /** `smtp://user:password@host:587?tls=starttls&from=a@b.example` for channel `email`. */
  smtp?: string;
  /** Drafts come from Claude. */
  anthropic_api_key?: string;
  /** Id of the Claude model. */
  model?: string;
  /** Ids of Claude models that are asked when the ones before them do not answer. */
  fallback_models?: string[];
  /**
   * Channels by name: one of your own, the settings of a provider or of several, or a mail relay in one line
   * (`smtp://...`). Settings have the keys of `examples/host/crm-host.example.toml`, without `bounces` and the
   * forms `KEY_env` and `KEY_file`.
   */
  channels?: Record<string, Channel | ProviderSettings | Providers | string>;
  /** Sign links to unsubscribe and to say yes, the first one; the others are still read. At least 32 bytes each. */
  unsubscribe_keys?: string[];
  /**
   * The `https` address that a token is put behind. Mails then say where to unsubscribe, also by one click
   * (`POST`).
   */
  unsubscribe_url?: string;
  /** A model of your own. */
  llm?: Llm;
  /** Subscribers of your own by name: told of every state change, once `subscribe` was called for the name. */
  subscribers?: Record<string, Subscriber>;
  /** An observer of your own: told of what this engine commits. */
  observer?: Observer;
  /** Seconds an approved message waits; usually 0. */
  undo_window_s?: number;
  /** Seconds after it was due when a message no longer leaves and expires: 60 to 31,536,000, usually three days. */
  late_after?: number;
  /** Whether somebody other than the last editor has to approve. */
  separate_approver?: boolean;
  /** Whether marketing goes only to people who said yes to it; usually to all who did not say no. */
  marketing_needs_opt_in?: boolean;
  /** What texts are checked by. */
  guardrails?: GuardrailRules;
  /** Calendars of holidays that campaigns may name. */
  calendars?: Calendar[];
  /** Where people say yes by a link, which ends with a token; with `unsubscribe_keys`. */
  opt_in_url?: string;
  /** IANA zone of the workspace's calendar. */
  time_zone?: string;
}

/** A file that is being exported, part by part: `for await (const part of exported) ...`. */
export class ContactsExport implements AsyncIterable<Uint8Array> {
  private constructor();
  /** What was written up to now; of the whole file once it was read to its end. */
  readonly report: ExportReport;
  /** The rest of the file at once. */
  bytes(): Promise<Uint8Array>;
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array>;
}

/** The engine. One method for each operation; ids are text, all other values are named. */
export class Engine {
  private constructor();
  /** Opens an engine. An open engine that nobody awaits does not keep the script alive. */
  static open(options: Options): Promise<Engine>;
  /** The same engine for another actor; closing one closes all. */
  actAs(actor: string, role: Role, workspace?: string): Engine;

  /**
   * Imports a file of contacts: CSV in any encoding and dialect, vCards or JSON lines. What it is, and what its
   * columns mean, is found out; `options` say it better. A bad row is reported, the rest goes on.
   */
  importContacts(file: string | Uint8Array, options?: ImportOptions): Promise<ImportReport>;
  /** What an import of this file would do now. Nothing is written. */
  previewImport(file: string | Uint8Array, options?: ImportOptions): Promise<ImportPreview>;
  /** Takes an import back: removes what it made and restores what it changed, unless somebody used it since. */
  revertImport(report: { import_id: string; rows: number }): Promise<RevertReport>;
  /**
   * Contacts as a file, oldest first: CSV, JSON lines or vCards, all of which an import reads back. Nothing is read
   * before the first part is asked for. That it took place stands in the history.
   */
  exportContacts(wanted?: ExportOptions): ContactsExport;
  /** Saves a new contact; it needs a name. */
  createContact(fields: ContactFields): Promise<Contact>;
  /** Replaces what is known; with `version`, only if it is still the current one. */
  updateContact(id: string, fields: ContactFields, seen?: { version?: number }): Promise<Contact>;
  /**
   * Makes the contacts with these external ids say what the rows say; who is not there yet is created. One outcome for
   * each row, in order: a row that cannot be taken is refused, the others go on. What a row does not name stays, or is
   * cleared with `mode: 'replace'`.
   */
  upsertContacts(
    rows: ContactPatch[],
    options?: { mode?: 'merge' | 'replace' },
  ): Promise<UpsertOutcome[]>;
  /**
   * Merges the contact `contact_id`, which goes, into the contact `id`, the same person, and returns that. Messages that
   * have not left need a new approval. It cannot be undone.
   */
  mergeContacts(id: string, contact_id: string, options?: MergeOptions): Promise<Contact>;
  /** One contact. */
  getContact(id: string): Promise<Contact>;
  /** Lists contacts, newest first. */
  listContacts(query?: ContactQuery): Promise<Page<Contact>>;
  /**
   * Erases a person, for good. Personal data, texts and the words of people about them go, what has not left is
   * cancelled, the history stays and still verifies. Nothing is sent to their addresses any more, on any channel,
   * whoever has them later. Once more, it finishes what was interrupted.
   */
  eraseContact(id: string): Promise<void>;
  /** Everything that is kept about one person, for whoever asks what that is; also of an erased one. */
  subjectAccess(id: string): Promise<SubjectAccess>;
  /** The audiences that are saved under names, by name. */
  listAudiences(): Promise<SavedAudience[]>;
  /** One saved audience. */
  getAudience(id: string): Promise<SavedAudience>;
  /** Saves an audience under a name. Lists and campaigns mean it by `saved "Its name"`. */
  saveAudience(fields: SavedAudienceFields): Promise<SavedAudience>;
  /** Replaces a saved audience; campaigns keep what it said when they were written. */
  updateAudience(
    id: string,
    fields: SavedAudienceFields,
    seen?: { version?: number },
  ): Promise<SavedAudience>;
  /** Removes a saved audience; campaigns have copies of what it said. */
  removeAudience(id: string): Promise<void>;
  /** How many contacts an audience has now, saved or not, and the newest of them, ten unless said. */
  sampleAudience(audience: Audience | string, how?: { limit?: number }): Promise<AudienceSample>;
  /** The definitions of custom fields, by name. */
  listFields(): Promise<FieldDefinition[]>;
  /** One definition, and how many contacts have a value that does not fit it; looks at all contacts. */
  getField(name: string): Promise<DefinedField>;
  /** Defines a custom field; for admins. Values that come in are checked, stored ones stay as they are. */
  setField(
    name: string,
    fields: DefinitionFields,
    seen?: { version?: number },
  ): Promise<FieldDefinition>;
  /** Forgets the definition of a custom field; for admins. Stored values stay as they are. */
  removeField(name: string): Promise<void>;
  /**
   * Drafts a message with a link by which the person says yes, and asks for its approval. The engine needs
   * `opt_in_url` and `unsubscribe_keys`.
   */
  requestOptIn(id: string, wish: OptInWish): Promise<Message>;
  /** Takes the person's yes: for the page behind the link, when its button is pressed. */
  confirmOptIn(token: string): Promise<void>;
  /** Saves a new template. */
  createTemplate(fields: TemplateFields): Promise<Template>;
  /** One template. */
  getTemplate(id: string): Promise<Template>;
  /** Lists templates, newest first. */
  listTemplates(query?: TemplateQuery): Promise<Page<Template>>;
  /** What a contact or made-up person would get, with all that is missing for it. Nothing is saved. */
  previewTemplate(id: string, whom: TemplatePreviewFor): Promise<TemplatePreview>;
  /** Drafts a text for one contact and submits it for approval. */
  generateMessage(wanted: GenerateMessage): Promise<Message>;
  /** Drafts 1 to 5 texts side by side, to choose from; what is chosen is saved with `createMessage`. */
  generateVariants(count: number, wanted: GenerateMessage): Promise<Variant[]>;
  /** The house's own words, which every draft is written in. */
  getVoice(): Promise<Voice>;
  /** Sets the house's own words; for admins. Drafts are written in them from now on. */
  setVoice(fields: VoiceFields, seen?: { version?: number }): Promise<Voice>;
  /** Saves a text somebody wrote, as a draft. */
  createMessage(draft: NewDraft): Promise<Message>;
  /** Changes text or schedule; an approval that was given is void. */
  editMessage(id: string, edit: MessageEdit): Promise<Message>;
  /** Asks for a decision about a draft. */
  submitMessage(id: string, seen?: { version?: number }): Promise<Message>;
  /** One message. */
  getMessage(id: string): Promise<Message>;
  /** Lists messages, newest first. */
  listMessages(query?: MessageQuery): Promise<Page<Message>>;
  /** What happened to a message, oldest first. */
  messageHistory(id: string): Promise<Event[]>;
  /** Each call of a provider for a message, oldest first, with what the provider said of it since. */
  messageAttempts(id: string): Promise<Attempt[]>;
  /**
   * Takes what a provider posted to you, as it arrived: the channel checks the signature and reads it. `url` is
   * the whole address the provider was told to call. Answer the provider with success only when this resolves:
   * by then all of it is kept. Rejects with `forbidden` when the signature is missing or wrong.
   */
  receive(
    channel: string,
    callback: { url: string; headers: RequestHeaders; body: string | Uint8Array },
  ): Promise<Received>;
  /** What to answer, as plain text, to a provider that asks with GET whether the address is yours. */
  challenge(channel: string, asked: { url: string }): Promise<string>;
  /** Takes in what you read from a provider yourself. It is believed as it stands. */
  hear(channel: string, news: News[]): Promise<Received>;
  /** Takes in a mail that came back to a channel's `return_path`: a bounce or a complaint. */
  hearBounce(channel: string, mail: string | Uint8Array): Promise<Received>;
  /** A token for a link to unsubscribe. */
  unsubscribeToken(wish: Omit<Unsubscription, 'workspace'>): Promise<string>;
  /** The same as a link, below `unsubscribe_url`. */
  unsubscribeLink(wish: Omit<Unsubscription, 'workspace'>): Promise<string>;
  /** What a token stands for, for the page behind a link. Changes nothing: programs follow links. */
  unsubscription(token: string): Promise<Unsubscription>;
  /** Takes the consent away that the token names, once the person has said so (`POST`). */
  unsubscribe(token: string): Promise<void>;
  /**
   * Approves exactly what was seen: pass the message that was shown. What has a blocking finding is refused, unless
   * an admin says with `override_reason` why it may leave in spite of it.
   */
  approveMessage(
    id: string,
    seen: { version: number; digest: string; override_reason?: string },
  ): Promise<Message>;
  /** Declines a message. */
  rejectMessage(id: string, decision?: { version?: number; reason?: string }): Promise<Message>;
  /** Calls a message off. */
  cancelMessage(id: string, decision?: { reason?: string }): Promise<Message>;
  /** Queues an approved message now, or a failed one again. */
  sendMessage(id: string): Promise<Message>;
  /** What deciding over all these messages would touch. The manifest names exactly them. */
  previewBulk(action: BulkAction, which: BulkSelection): Promise<BulkPreview>;
  /**
   * Decides over exactly what was previewed; what changed since is skipped and said. Approving needs the
   * manifest of the preview, with the same selection.
   */
  decideBulk(
    action: BulkAction,
    which: BulkSelection,
    decision?: { manifest?: string; reason?: string },
  ): Promise<BulkResult>;
  /** A person's word on an uncertain message. */
  resolveMessage(
    id: string,
    decision: { outcome: 'sent' | 'resend' | 'failed'; reason?: string },
  ): Promise<Message>;
  /** Saves a new campaign as a draft. */
  createCampaign(fields: CampaignFields): Promise<Campaign>;
  /** One campaign. */
  getCampaign(id: string): Promise<Campaign>;
  /** Lists campaigns, newest first. */
  listCampaigns(query?: CampaignQuery): Promise<Page<Campaign>>;
  /** A new draft that is to do what another campaign does, or did. */
  copyCampaign(id: string, name: string): Promise<Campaign>;
  /** Runs a campaign: at once, or when its schedule says. In test mode nothing is ever sent. */
  executeCampaign(id: string, how?: { test_mode?: boolean }): Promise<Campaign>;
  /** Stops a campaign for now; nothing of it leaves. */
  pauseCampaign(id: string): Promise<Campaign>;
  /** Goes on with a paused campaign. */
  resumeCampaign(id: string): Promise<Campaign>;
  /** Calls a campaign off; what has not left is cancelled. */
  cancelCampaign(id: string): Promise<Campaign>;
  /** A campaign's figures. */
  campaignStats(id: string): Promise<CampaignStats>;
  /** Lines of a campaign's plan: who, when, how, or why not. */
  campaignPlan(id: string, query?: PlanQuery): Promise<Page<PlanRow>>;
  /** Batches in which the provider drafts a campaign, the oldest first; none for one that is drafted `now`. */
  campaignBatches(id: string): Promise<DraftBatch[]>;
  /** What a campaign costs: before it runs, while it runs and after. */
  campaignCost(id: string): Promise<CampaignCost>;
  /** What a campaign's variants show so far; it may be looked at as often as one likes. */
  campaignExperiment(id: string): Promise<Experiment>;
  /** Limits on what drafts cost, the workspace's own first, and how much of them is used. */
  listBudgets(part?: { limit?: number; skip?: number }): Promise<Budget[]>;
  /**
   * Limits what drafts cost, as an admin: of the workspace or a campaign, in all or each day. `limit_usd` is exact
   * text such as `25.00`. What was spent before counts.
   */
  setBudget(
    period: Period,
    limit_usd: string,
    of?: { campaign_id?: string | null; version?: number },
  ): Promise<Budget>;
  /** Removes a budget, as an admin: nothing limits what it did. */
  removeBudget(period: Period, of?: { campaign_id?: string | null }): Promise<void>;
  /** What was spent on drafts, by model, campaign, actor or day, in constant time. */
  usage(query?: UsageQuery): Promise<UsageSum[]>;
  /** Calls of models, newest first. */
  usageCalls(query?: UsageCallQuery): Promise<Page<UsageCall>>;
  /** Drafts of a model for this campaign that are alike: of the newest 2,000 not decided yet. */
  campaignDuplicates(id: string): Promise<Duplicates[]>;
  /** The first look, in constant time. */
  dashboard(): Promise<Dashboard>;
  /** What drafting cost. */
  aiUsage(): Promise<AiUsage>;
  /** Checks the whole history, also against a checkpoint that was kept elsewhere. */
  verifyAudit(checkpoint?: Checkpoint): Promise<Verification>;
  /**
   * Begins the subscription `name` in this workspace, if it has none: the worker tells the subscriber of this name
   * of every event from now on, or of all there ever were. What was begun stays where it is, so this is for each
   * start of your program. (Consent is taken away by `unsubscribe`.)
   */
  subscribe(name: string, where?: { start?: 'now' | 'beginning' }): Promise<void>;
  /** How far each subscriber was told, and what it failed with; for admins. */
  listSubscriptions(): Promise<Subscription[]>;
  /** Has a subscriber that failed or was disabled called again at once, where it was; for admins. */
  enableSubscription(name: string): Promise<void>;
  /** Why nothing is sent: the database went back to an older state. `null` when all is well. */
  hold(): Promise<Hold | null>;
  /**
   * Ends the hold that was shown, as an admin. With `doubt` whatever is approved and due becomes
   * `uncertain`; resolves to how many. `continue` is for when nothing was lost.
   */
  acknowledgeHold(
    hold: Hold,
    decision: { messages: 'doubt' | 'continue'; reason: string },
  ): Promise<number>;
  /** Runs the worker until nothing is left to do now. */
  runUntilIdle(): Promise<Work>;
  /**
   * Works until the signal aborts, `stopWorker()` or `close()`, then finishes what is under way and
   * resolves.
   */
  runWorker(options?: { signal?: AbortSignal }): Promise<void>;
  /** Lets the running worker finish what is under way and stop. */
  stopWorker(): void;
  /** Stops the worker, waits for calls under way and closes the database. May be repeated. */
  close(): Promise<void>;
}

/**
 * How a delivery ended: what a channel's `send` returns. A reason is a short code of ASCII letters, digits
 * and `_-.:`, never the provider's own text: it stays in the history for good.
 */
export const outcome: {
  /** The provider took responsibility. */
  accepted(provider_id: string): Outcome;
  /** This address can never work: the message fails and the address is suppressed. */
  dead(reason: string): Outcome;
  /** This message is refused; the address may be fine. */
  rejected(reason: string): Outcome;
  /** Provably not taken; may be tried again after this time. */
  retryAfter(
    at_least_ms: number,
    reason: string,
    scope?: 'message' | 'recipient' | 'channel',
  ): Outcome;
  /** Nothing of this channel can go; the message is put back unsent. */
  stop(reason: string): Outcome;
  /** The provider may have taken it; it is never repeated blindly. */
  unknown(reason: string): Outcome;
};

/** What became of a call of a subscriber: what `deliver` returns. A reason is a short code, as of `outcome`. */
export const told: {
  /** All of them were taken, durably: they are not told again, but for a crash. */
  taken(): Told;
  /**
   * Not all of them were taken: all are told again, after this time (a second to a day). Usually it is from five
   * seconds to five hours, by the number of failures.
   */
  later(reason: string, at_least_ms?: number): Told;
  /** It wants to be called no more, until an admin enables it. Nothing is lost meanwhile. */
  closed(reason: string): Told;
};
