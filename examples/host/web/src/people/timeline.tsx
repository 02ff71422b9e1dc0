// Messages to a person and what happened to their record, newest first.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { api, told, type Schemas } from "../api/client";
import { useSay, word } from "../i18n";
import type { Catalogue } from "../i18n/catalogue";
import { usePace } from "../live";
import { Badge, Card, Loading, Problem, type Tone } from "../ui/parts";
import { eventsQuery, historyQuery, MESSAGES_PAGE } from "./queries";
import { channelName } from "./words";

type Message = Schemas["Message"];
type Event = Schemas["SealedEvent"];
type Entry = { at: string; message: Message } | { at: string; event: Event };

const TONES: Record<Message["status"], Tone> = {
  draft: "neutral",
  pending_approval: "warn",
  approved: "info",
  claimed: "info",
  sending: "info",
  sent: "good",
  delivered: "good",
  failed: "bad",
  rejected: "bad",
  cancelled: "neutral",
  expired: "neutral",
  uncertain: "warn",
};

const ID = /^[0-9a-f-]{36}$/u;

/** The names of fields that changed; any other reason as it stands. */
function fieldNames(reason: string, t: Catalogue): string {
  const names = reason.split(", ").map((one) => one.replace(/^custom_fields\./u, ""));
  return names.map((one) => word(t.people.field, one)).join(", ");
}

function entries(messages: Message[], events: Event[], more: boolean): Entry[] {
  const found: Entry[] = messages.map((message) => ({ at: message.sent_at ?? message.created_at, message }));
  // What is older than the oldest message that was fetched waits for the messages beside it.
  const oldest = messages.at(-1)?.created_at;
  for (const event of events) {
    if (!more || oldest === undefined || event.at >= oldest) found.push({ at: event.at, event });
  }
  return found.sort((one, other) => (one.at < other.at ? 1 : -1));
}

function History({ id }: { id: string }) {
  const { t, moment } = useSay();
  const found = useQuery(historyQuery(id));
  if (found.isPending) return <Loading lines={2} />;
  if (found.error) return <Problem error={found.error} retry={() => void found.refetch()} />;
  return (
    <ol className="people-history">
      {found.data.map((line) => (
        <li key={line.id}>
          <span>{word(t.people.event, line.action)}</span>
          {line.reason ? <span className="faint">{line.reason}</span> : null}
          <time className="faint" dateTime={line.created_at}>
            {moment(line.created_at)}
          </time>
        </li>
      ))}
    </ol>
  );
}

function MessageEntry({ message, at }: { message: Message; at: string }) {
  const say = useSay();
  const { t, moment } = say;
  const [open, setOpen] = useState(false);
  const title = message.subject || message.content.slice(0, 80);
  return (
    <li className="people-entry">
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span className="people-entry-title">{title || t.people.timeline.erasedText}</span>
          <Badge tone={TONES[message.status]}>{t.people.message[message.status]}</Badge>
          <span className="row-hint">
            {moment(at)} · {channelName(message.channel, say)} · {t.occasion[message.occasion_type]}
            {message.failure ? ` · ${word(t.people.consent.reasons, message.failure)}` : ""}
          </span>
        </summary>
        <div className="people-entry-body">
          <p className="people-text">{message.content}</p>
          {message.recipient ? (
            <p className="faint">
              {t.people.timeline.to}: {message.recipient}
            </p>
          ) : null}
          {open ? <History id={message.id} /> : null}
        </div>
      </details>
    </li>
  );
}

export function TimelineCard({ id }: { id: string }) {
  const { t, moment } = useSay();
  const pace = usePace(true);
  const messages = useInfiniteQuery({
    queryKey: ["contact", id, "messages"],
    queryFn: ({ pageParam }) => {
      const query = { contact_id: id, limit: MESSAGES_PAGE, ...(pageParam ? { cursor: pageParam } : {}) };
      return told(api.GET("/api/messages", { params: { query } }));
    },
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    refetchInterval: pace,
  });
  // Events are sealed a moment after they took place.
  const events = useQuery({ ...eventsQuery(id), refetchInterval: pace });
  const found = messages.data?.pages.flatMap((page) => page.items) ?? [];
  const all = entries(found, events.data?.items ?? [], messages.hasNextPage);
  const error = messages.error ?? events.error;
  return (
    <Card
      title={t.people.timeline.title}
      aside={
        <Link to="/audit" search={{ contact: id }} className="card-aside">
          {t.audit.title}
        </Link>
      }
    >
      {messages.isPending || events.isPending ? <Loading lines={5} /> : null}
      {error ? (
        <Problem
          error={error}
          retry={() => {
            void messages.refetch();
            void events.refetch();
          }}
        />
      ) : null}
      {messages.data && events.data && all.length === 0 ? (
        <p className="faint">{t.people.timeline.empty}</p>
      ) : null}
      <ol className="people-timeline">
        {all.map((entry) =>
          "message" in entry ? (
            <MessageEntry key={entry.message.id} message={entry.message} at={entry.at} />
          ) : (
            <li key={entry.event.id} className="people-entry people-event">
              <span>{word(t.people.event, entry.event.action)}</span>
              <span className="row-hint">
                {moment(entry.at)}
                {entry.event.reason && !ID.test(entry.event.reason)
                  ? ` · ${fieldNames(entry.event.reason, t)}`
                  : ""}
              </span>
            </li>
          ),
        )}
      </ol>
      {messages.hasNextPage ? (
        <button
          type="button"
          className="button button-small people-older"
          disabled={messages.isFetchingNextPage}
          onClick={() => void messages.fetchNextPage()}
        >
          {t.people.timeline.older}
        </button>
      ) : null}
    </Card>
  );
}
