// The drafts that wait, one line each.
import { Link } from "@tanstack/react-router";

import { channel } from "../campaign/words";
import { useSay, type Say } from "../i18n";
import { risk } from "./marks";
import { deadline, type Message } from "./order";
import type { Filters } from "./queries";
import { distance } from "./when";

const RISKS = ["none", "notice", "warning", "blocking"] as const;

function due(message: Message, now: number, { t, count }: Say): { text: string; late: boolean } | null {
  const at = deadline(message);
  if (at === null) return null;
  const { unit, n } = distance(at, now);
  const words = t.inbox.counted;
  const late = Date.parse(at) < now;
  if (!late) return { text: count(n, words[unit]), late };
  const over = { minutes: words.overdueMinutes, hours: words.overdueHours, days: words.overdueDays };
  return { text: count(Math.abs(n), over[unit]), late };
}

export interface RowState {
  current: boolean;
  selected: boolean;
  later: boolean;
  busy: boolean;
}

export function Row({
  message,
  state,
  now,
  search,
  decides,
  onSelect,
}: {
  message: Message;
  state: RowState;
  now: number;
  search: Filters;
  decides: boolean;
  onSelect: () => void;
}) {
  const say = useSay();
  const { t, fill } = say;
  const name = message.contact?.name ?? message.recipient;
  const gravity = RISKS[risk(message.findings)] ?? "none";
  const when = due(message, now, say);
  return (
    <li className={state.current ? "draft draft-current" : "draft"} data-id={message.id} data-risk={gravity}>
      {decides ? (
        <label className="draft-check">
          <input
            type="checkbox"
            checked={state.selected}
            onChange={onSelect}
            aria-label={fill(t.inbox.inbox.select, { name })}
          />
        </label>
      ) : null}
      <Link
        to="/inbox/$id"
        params={{ id: message.id }}
        search={search}
        replace
        id={`draft-${message.id}`}
        className="draft-link"
        aria-current={state.current ? "true" : undefined}
      >
        <span className="draft-top">
          <span className="draft-name">{name}</span>
          {when ? (
            <span className={when.late ? "draft-due draft-late" : "draft-due"}>{when.text}</span>
          ) : null}
        </span>
        <span className="draft-text">{message.subject ?? message.content}</span>
        <span className="draft-about">
          {gravity === "none" ? null : (
            <span className={`dot dot-${gravity}`}>{t.messages.severity[gravity]}</span>
          )}
          <span>{channel(message.channel, say)}</span>
          <span>{t.occasion[message.occasion_type]}</span>
          {state.later ? <span>{t.inbox.inbox.later}</span> : null}
          {state.busy ? <span>{t.inbox.inbox.working}</span> : null}
        </span>
      </Link>
    </li>
  );
}
