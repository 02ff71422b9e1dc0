// Events, one below the other, each with what its seal is made of.
import { Link } from "@tanstack/react-router";
import { useId, useState } from "react";

import { useSay, word } from "../i18n";
import { useNames } from "../inbox/queries";
import { STATUS_TONES } from "../messages/words";
import { Badge } from "../ui/parts";
import type { SealedEvent } from "./queries";
import { actionName, isWhy, reasonName } from "./words";

function Subject({ event }: { event: SealedEvent }) {
  const { t } = useSay();
  const name = word(t.audit.subject, event.subject);
  const params = { id: event.subject_id };
  // What is gone has no page.
  if (event.action === "deleted") return <>{name}</>;
  switch (event.subject) {
    case "message":
      return (
        <Link to="/messages/$id" params={params}>
          {name}
        </Link>
      );
    case "contact":
      return (
        <Link to="/contacts/$id" params={params}>
          {name}
        </Link>
      );
    case "campaign":
      return (
        <Link to="/campaigns/$id" params={params}>
          {name}
        </Link>
      );
    case "template":
      return (
        <Link to="/templates/$id" params={params}>
          {name}
        </Link>
      );
    default:
      return <>{name}</>;
  }
}

function Seal({ event, id }: { event: SealedEvent; id: string }) {
  const { t, number } = useSay();
  const words = t.audit;
  const lines: [string, string, boolean][] = [
    [words.position, number(event.position), false],
    [words.version, number(event.version), false],
    [words.role, event.role === "system" ? words.worker : word(t.role, event.role), false],
    ...(event.digest ? [[words.digest, event.digest, true] as [string, string, boolean]] : []),
    [words.before, event.prev_hash, true],
    [words.hash, event.hash, true],
  ];
  return (
    <dl className="audit-seal" id={id}>
      {lines.map(([name, value, code]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{code ? <code>{value}</code> : value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Event({ event }: { event: SealedEvent }) {
  const { t, number, moment } = useSay();
  const name = useNames();
  const id = useId();
  const [open, setOpen] = useState(false);
  const reason = reasonName(event, t);
  return (
    <li className="audit-event" data-position={event.position} data-action={event.action}>
      <span className="audit-place" aria-hidden="true">
        {number(event.position)}
      </span>
      <div className="audit-what">
        <p>
          <Subject event={event} />
          <span className="audit-dot" aria-hidden="true" />
          <strong>{actionName(event, t)}</strong>
          {event.status ? (
            <Badge tone={STATUS_TONES[event.status]}>{t.messages.status[event.status]}</Badge>
          ) : null}
          {event.subject === "campaign" && event.reason ? (
            <Badge tone="neutral">{word(t.status, event.reason)}</Badge>
          ) : null}
        </p>
        {reason ? (
          <p className="faint audit-why">{isWhy(event) ? `${t.audit.reason}: ${reason}` : reason}</p>
        ) : null}
      </div>
      <div className="audit-who">
        <span>{event.role === "system" ? t.audit.worker : (name(event.actor) ?? event.actor)}</span>
        <time className="faint" dateTime={event.at}>
          {moment(event.at)}
        </time>
      </div>
      <button
        type="button"
        className="audit-more"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
      >
        {t.audit.more}
        <span className="hidden"> {number(event.position)}</span>
      </button>
      {open ? <Seal event={event} id={id} /> : null}
    </li>
  );
}

export function EventList({ events, stale }: { events: SealedEvent[]; stale: boolean }) {
  return (
    <ol className={stale ? "audit-list audit-stale" : "audit-list"} aria-busy={stale}>
      {events.map((event) => (
        <Event key={event.id} event={event} />
      ))}
    </ol>
  );
}
