// One draft with all that is needed to decide about it, and the decisions themselves.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState, type ReactNode } from "react";

import { channel } from "../campaign/words";
import { useSay } from "../i18n";
import { Badge, Notice, Problem } from "../ui/parts";
import { TooLate } from "./deeds";
import type { Trouble } from "./desk";
import { About, past, Person } from "./facts";
import type { Message } from "./order";
import { historyQuery, useNames } from "./queries";
import { useRace } from "./strip";
import { Changes, Findings, Letter } from "./text";

/** The text as it was first written; null while that is not known. */
export function useFirst(id: string | null): string | null {
  const { data } = useQuery({ ...historyQuery(id ?? ""), enabled: id !== null });
  const created = data?.find((line) => line.action === "created");
  return created?.new_content ?? null;
}

/** What was decided elsewhere, by whom and when. */
function Decided({ message }: { message: Message }) {
  const say = useSay();
  const { t, fill, moment } = say;
  const name = useNames();
  const { data } = useQuery(historyQuery(message.id));
  const last = data?.[0];
  if (!last) return <Notice tone="info" title={t.messages.status[message.status]} />;
  const system = last.role === "system" ? t.messages.page.worker : t.inbox.detail.byNobody;
  const who = name(last.user_id) ?? system;
  const text = fill(t.inbox.detail.decided, {
    deed: past(last.action, say),
    who,
    at: moment(last.created_at),
  });
  return (
    <Notice tone={message.status === "rejected" ? "warn" : "info"} title={text}>
      <p>{t.inbox.detail.left}</p>
    </Notice>
  );
}

/** Says so when the text becomes another one while somebody reads it. */
function useChanged(message: Message): boolean {
  const seen = useRef({ id: message.id, digest: message.digest });
  const [changed, setChanged] = useState<string | null>(null);
  useEffect(() => {
    const before = seen.current;
    seen.current = { id: message.id, digest: message.digest };
    if (before.id === message.id && before.digest !== message.digest) setChanged(message.id);
    else if (before.id !== message.id) setChanged(null);
  }, [message.id, message.digest]);
  return changed === message.id;
}

export function TroubleNote({ trouble, onOpen }: { trouble: Trouble; onOpen: (() => void) | null }) {
  const { t } = useSay();
  const race = useRace();
  const late = trouble.error instanceof TooLate;
  return (
    <div className="trouble" role="alert" data-trouble={trouble.undoing ? "undo" : "decide"}>
      {late ? (
        <Notice tone="bad" title={trouble.name}>
          <p>{t.inbox.failed.late}</p>
        </Notice>
      ) : trouble.winner ? (
        <Notice tone="warn" title={trouble.name}>
          <p>{race(trouble.winner)}</p>
        </Notice>
      ) : (
        <>
          {trouble.undoing ? <p className="trouble-title">{t.inbox.failed.undo}</p> : null}
          <Problem error={trouble.error} />
        </>
      )}
      {onOpen ? (
        <button type="button" className="button button-small" onClick={onOpen}>
          {trouble.name}
        </button>
      ) : null}
    </div>
  );
}

export function Detail({
  message,
  trouble,
  decides,
  reworded,
  children,
  editor,
}: {
  message: Message;
  trouble: ReactNode;
  decides: boolean;
  /** Called when the text changed under the reader's eyes. */
  reworded: (id: string | null) => void;
  children: ReactNode;
  editor: ReactNode | null;
}) {
  const say = useSay();
  const { t } = say;
  const first = useFirst(message.id);
  const changed = useChanged(message);
  const waits = message.status === "pending_approval" || message.status === "draft";
  const zone = message.contact?.time_zone ?? null;
  useEffect(() => reworded(changed ? message.id : null), [changed, message.id, reworded]);
  return (
    <div className="detail" data-detail={message.id}>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls has to be reached by the keyboard */}
      <div className="detail-scroll" role="region" tabIndex={0} aria-labelledby="detail-name">
        <header className="detail-head">
          <h2 id="detail-name" tabIndex={-1}>
            {message.contact?.name ?? message.recipient}
          </h2>
          <div className="badges">
            <Badge tone="neutral">{channel(message.channel, say)}</Badge>
            <Badge tone="neutral">{t.occasion[message.occasion_type]}</Badge>
            {message.test_mode ? <Badge tone="warn">{t.campaign.testMode}</Badge> : null}
          </div>
        </header>
        {trouble}
        {waits ? null : <Decided message={message} />}
        {waits && changed ? (
          <div role="status">
            <Notice tone="warn" title={t.inbox.failed.conflictUnknown} />
          </div>
        ) : null}
        {decides || !waits ? null : <p className="faint">{t.inbox.inbox.readOnly}</p>}
        {editor ?? (
          <>
            <Findings findings={message.findings} />
            <Letter message={message} />
            {first !== null && first !== message.content ? (
              <Changes before={first} after={message.content} />
            ) : null}
          </>
        )}
        <div className="detail-facts">
          <About message={message} zone={zone} />
          <Person id={message.contact_id} flagged={message.metadata.flagged} />
        </div>
        <Link to="/messages/$id" params={{ id: message.id }} className="detail-more">
          {t.inbox.detail.whole}
        </Link>
      </div>
      {children}
    </div>
  );
}
