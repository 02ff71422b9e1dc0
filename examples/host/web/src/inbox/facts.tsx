// What one has to know to decide: whom it is for, when it leaves and what it costs.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useId, type ReactNode } from "react";

import type { Schemas } from "../api/client";
import { asFailure } from "../api/failure";
import { channel } from "../campaign/words";
import { useSay, word, type Say } from "../i18n";
import { Loading, Money, Problem } from "../ui/parts";
import type { Message } from "./order";
import { campaignNamesQuery, contactQuery } from "./queries";
import { there } from "./when";

type Contact = Schemas["Contact"];

/** By the recipient's clock first: it is their evening that counts. */
function Moment({ at, zone }: { at: string; zone: string | null }) {
  const { t, fill, moment, language } = useSay();
  const words = t.inbox.detail;
  const theirs = zone === null ? null : there(at, zone, language);
  if (theirs === null) {
    return (
      <>
        {moment(at)} <span className="faint">{words.zoneUnknown}</span>
      </>
    );
  }
  if (theirs === moment(at)) return <>{theirs}</>;
  return (
    <>
      {fill(words.there, { at: theirs })}{" "}
      <span className="faint">{fill(words.here, { at: moment(at) })}</span>
    </>
  );
}

export function units(
  found: Schemas["TextUnits"] | null | undefined,
  { t, count, fill }: Say,
): string | null {
  if (!found || found.unit !== "part") return null;
  const parts = count(found.count, t.inbox.counted.parts);
  const sign = found.forced_by ?? null;
  if (sign === null) return `${parts} · ${(found.encoding ?? "").toUpperCase()}`;
  const encoding = (found.encoding ?? "").toUpperCase();
  return `${parts} · ${fill(t.inbox.detail.forced, { encoding, sign })}`;
}

function Row({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function About({ message, zone }: { message: Message; zone: string | null }) {
  const say = useSay();
  const { t, count } = say;
  const words = t.inbox.detail;
  const { data: campaigns } = useQuery(campaignNamesQuery());
  const campaign = campaigns?.find((one) => one.id === message.campaign_id);
  const parts = units(message.units, say);
  const signs = count(Array.from(message.content).length, t.inbox.counted.signs);
  return (
    <dl className="facts">
      <Row label={words.to}>
        {channel(message.channel, say)} · <span className="facts-address">{message.recipient}</span>
      </Row>
      <Row label={words.leaves}>
        {message.scheduled_for ? <Moment at={message.scheduled_for} zone={zone} /> : words.atOnce}
      </Row>
      {message.expires_at ? (
        <Row label={words.until}>
          <Moment at={message.expires_at} zone={zone} />
        </Row>
      ) : null}
      <Row label={words.parts}>{parts ? `${signs} · ${parts}` : signs}</Row>
      {message.metadata.model ? (
        <Row label={words.cost}>
          <Money amount={message.metadata.cost_usd} /> <span className="faint">{message.metadata.model}</span>
        </Row>
      ) : null}
      {message.campaign_id ? (
        <Row label={t.inbox.filter.campaign}>
          <Link to="/campaigns/$id" params={{ id: message.campaign_id }}>
            {campaign?.name ?? t.inbox.filter.campaign}
          </Link>
        </Row>
      ) : null}
      <Row label={t.inbox.filter.occasion}>{t.occasion[message.occasion_type]}</Row>
    </dl>
  );
}

/** The field, what it is called, and what it says. */
type Fact = [field: string, label: string, value: string];

/** Fields of the house's own, as short as they are. */
function custom(contact: Contact): Fact[] {
  const fields: unknown = contact.custom_fields;
  if (typeof fields !== "object" || fields === null) return [];
  return Object.entries(fields).flatMap(([name, value]): Fact[] => {
    if (value === null || value === undefined) return [];
    return [[name, name, typeof value === "object" ? JSON.stringify(value) : String(value)]];
  });
}

function birthday(text: string, { day }: Say): string {
  if (/^\d{4}-/u.test(text)) return day(`${text}T12:00:00Z`);
  return text.replace(/^--(\d\d)-(\d\d)$/u, "$2.$1");
}

function rows(contact: Contact, say: Say): Fact[] {
  const { t, day } = say;
  const words = t.inbox.detail;
  const names = new Map(
    Object.entries({ ru: "Русский", en: "English", uz: "Oʻzbekcha", "uz-Cyrl": "Ўзбекча" }),
  );
  const consent = contact.consent.map(({ channel: name, topic, status }) => {
    const where = name === "*" ? "" : ` (${channel(name, say)})`;
    return `${topic}${where}: ${status === "opted_out" ? words.optedOut : words.optedIn}`;
  });
  const all: [string, string, string | null | undefined][] = [
    ["language", words.language, names.get(contact.language) ?? contact.language],
    ["segment", words.segment, contact.segment],
    ["birthday", words.birthday, contact.birthday ? birthday(contact.birthday, say) : null],
    ["company", words.company, contact.company],
    ["position", words.position, contact.position],
    ["time_zone", words.zone, contact.time_zone ?? contact.guessed_time_zone],
    ["tags", words.tags, contact.tags.join(", ")],
    [
      "last_interaction_date",
      words.lastSeen,
      contact.last_interaction_date ? day(contact.last_interaction_date) : null,
    ],
    ["consent", words.consent, consent.join("; ")],
    ...custom(contact),
  ];
  return all.flatMap(([field, label, value]): Fact[] => (value ? [[field, label, value]] : []));
}

/** The person: what the text can be held against. */
export function Person({ id, flagged }: { id: string; flagged: string[] }) {
  const say = useSay();
  const { t } = say;
  const title = useId();
  const found = useQuery(contactQuery(id));
  const gone = found.error && asFailure(found.error).kind === "not_found";
  return (
    <section className="person" aria-labelledby={title}>
      <h3 id={title}>{t.inbox.detail.person}</h3>
      {found.isPending ? <Loading lines={3} /> : null}
      {gone ? <p className="faint">{t.inbox.detail.erased}</p> : null}
      {found.error && !gone ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data ? (
        <dl className="facts">
          {rows(found.data, say).map(([field, label, value]) => (
            <Row key={field} label={label}>
              <span
                className={
                  flagged.some((one) => one.split(".").at(-1) === field) ? "mark mark-warning" : undefined
                }
              >
                {value}
              </span>
            </Row>
          ))}
        </dl>
      ) : null}
    </section>
  );
}

/** The word for what happened, of any history. */
export function past(action: string, { t }: Say): string {
  return word(t.messages.past, action);
}
