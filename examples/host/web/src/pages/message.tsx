// One message with all that happened to it. It is read here; what waits is decided about in the inbox.
import "../inbox/inbox.css";
import "../messages/messages.css";

import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState, useSyncExternalStore } from "react";

import type { Schemas } from "../api/client";
import { channel } from "../campaign/words";
import { useSay } from "../i18n";
import { About } from "../inbox/facts";
import { contactQuery, messageQuery, useNames } from "../inbox/queries";
import { Findings, Letter } from "../inbox/text";
import { usePace } from "../live";
import { AttemptsCard } from "../messages/attempts";
import { HistoryCard } from "../messages/history";
import { ResolveCard } from "../messages/resolve";
import { moves, STATUS_TONES } from "../messages/words";
import { current, subscribe } from "../session";
import { Icon } from "../ui/icon";
import { Badge, Card, Loading, Notice, Problem } from "../ui/parts";
import { useTitle } from "../ui/shell";

function Facts({ message }: { message: Schemas["Message"] }) {
  const { t, moment } = useSay();
  const name = useNames();
  const words = t.messages.page;
  const approver = name(message.approved_by) ?? message.approved_by ?? "";
  const rows: [string, string | null][] = [
    [words.writtenBy, message.generated_by === "AI" ? words.model : words.person],
    [words.created, moment(message.created_at)],
    [words.approved, message.approved_at ? `${moment(message.approved_at)}, ${approver}` : null],
    [words.leaves, message.status === "approved" ? moment(message.not_before) : null],
    [words.sent, message.sent_at ? moment(message.sent_at) : null],
    [words.why, message.failure ?? null],
  ];
  return (
    <dl className="facts">
      {rows.map(([label, value]) =>
        value ? (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ) : null,
      )}
    </dl>
  );
}

export function MessagePage() {
  const say = useSay();
  const { t } = say;
  const { id } = useParams({ from: "/inside/messages/$id" });
  const role = useSyncExternalStore(subscribe, current)?.user.role;
  const [settled, setSettled] = useState(false);
  const pace = usePace(true);
  const found = useQuery({
    ...messageQuery(id),
    refetchInterval: ({ state }) => (state.data && moves(state.data.status) ? pace : false),
  });
  const contact = useQuery({
    ...contactQuery(found.data?.contact_id ?? ""),
    enabled: found.data !== undefined,
  });
  const person = contact.data;
  const message = found.data;
  const name = person?.name ?? message?.recipient;
  useTitle(name ?? t.messages.list.title);
  const zone = person?.time_zone ?? person?.guessed_time_zone ?? null;
  return (
    <>
      <Link to="/messages" className="back">
        <Icon name="back" />
        {t.messages.list.back}
      </Link>
      {found.isPending ? <Loading lines={6} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {message ? (
        <>
          <div className="page-head">
            <div>
              <h1>{name || t.inbox.detail.erased}</h1>
              <div className="badges">
                <Badge tone={STATUS_TONES[message.status]}>{t.messages.status[message.status]}</Badge>
                <Badge tone="neutral">{channel(message.channel, say)}</Badge>
                {message.test_mode ? <Badge tone="warn">{t.campaign.testMode}</Badge> : null}
              </div>
            </div>
            {message.status === "pending_approval" ? (
              <Link to="/inbox/$id" params={{ id }} className="button button-primary">
                {t.messages.page.decide}
              </Link>
            ) : null}
          </div>
          <div className="notices" role="status">
            {settled && message.status !== "uncertain" ? (
              <Notice tone="good">{<p>{t.messages.resolve.done}</p>}</Notice>
            ) : null}
          </div>
          <div className="columns">
            <div className="stack">
              {message.status === "uncertain" && role !== "viewer" ? (
                <ResolveCard
                  message={{ ...message, contact: message.contact ?? (person ? { ...person } : null) }}
                  onDone={() => setSettled(true)}
                />
              ) : null}
              <Card title={t.messages.page.text}>
                <div className="stack">
                  <Findings findings={message.findings} />
                  <Letter message={message} />
                </div>
              </Card>
              <HistoryCard id={id} />
            </div>
            <div className="stack">
              <Card title={t.messages.page.about}>
                <About message={message} zone={zone} />
                <Facts message={message} />
              </Card>
              <AttemptsCard id={id} />
            </div>
          </div>
        </>
      ) : null}
    </>
  );
}
