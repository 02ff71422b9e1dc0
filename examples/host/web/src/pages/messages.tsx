import "../messages/messages.css";

import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";

import { api, told, type Schemas } from "../api/client";
import { channel } from "../campaign/words";
import { useSay } from "../i18n";
import { usePace } from "../live";
import { Doubtful, nameOf } from "../messages/uncertain";
import { STATUS_TONES } from "../messages/words";
import { useMay } from "../people/role";
import { MESSAGE_STATUSES } from "../router";
import { Badge, Empty, Loading, Pager, Problem } from "../ui/parts";
import { useTitle } from "../ui/shell";

type Status = Schemas["Status"];

const PAGE = 25;

function messagesQuery(status: Status | undefined, skip: number) {
  return queryOptions({
    queryKey: ["messages", "list", status ?? null, skip],
    queryFn: () => {
      const query = { skip, limit: PAGE, ...(status ? { status } : {}) };
      return told(api.GET("/api/messages", { params: { query } }));
    },
    placeholderData: keepPreviousData,
  });
}

function Row({
  message,
  picked,
  onPick,
}: {
  message: Schemas["Message"];
  picked: boolean;
  /** Where messages are chosen to be decided about together. */
  onPick: (() => void) | null;
}) {
  const say = useSay();
  const { t, fill, moment } = say;
  return (
    <tr data-message={message.id}>
      {onPick ? (
        <td className="pick">
          <input
            type="checkbox"
            aria-label={fill(t.office.uncertain.one, { name: nameOf(message) })}
            checked={picked}
            onChange={onPick}
          />
        </td>
      ) : null}
      <th scope="row">
        <Link to="/messages/$id" params={{ id: message.id }} className="row-link">
          {message.contact?.name ?? (message.recipient || t.inbox.detail.erased)}
          <span className="row-hint row-text">{message.subject ?? message.content}</span>
        </Link>
      </th>
      <td data-label={t.messages.list.status}>
        <Badge tone={STATUS_TONES[message.status]}>{t.messages.status[message.status]}</Badge>
      </td>
      <td data-label={t.messages.list.channel} className="nowrap">
        {channel(message.channel, say)}
      </td>
      <td data-label={t.messages.list.changed} className="nowrap">
        {moment(message.updated_at)}
      </td>
    </tr>
  );
}

export function MessagesPage() {
  const { t } = useSay();
  const { status, skip = 0 } = useSearch({ from: "/inside/messages" });
  const navigate = useNavigate({ from: "/messages" });
  const found = useQuery({ ...messagesQuery(status, skip), refetchInterval: usePace(true) });
  const words = t.messages.list;
  const doubtful = useMay().write && status === "uncertain";
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const pick = (id: string) => {
    const next = new Set(picked);
    if (!next.delete(id)) next.add(id);
    setPicked(next);
  };
  useTitle(words.title);
  const choices: [string, Status | undefined][] = [
    [words.all, undefined],
    ...(Object.keys(MESSAGE_STATUSES) as Status[]).map((one): [string, Status] => [
      t.messages.status[one],
      one,
    ]),
  ];
  return (
    <>
      <div className="page-head">
        <h1>{words.title}</h1>
      </div>
      <nav className="chips" aria-label={words.status}>
        {choices.map(([name, one]) => (
          <Link
            key={name}
            to="/messages"
            search={one ? { status: one } : {}}
            className={status === one ? "chip chip-active" : "chip"}
            aria-current={status === one ? "true" : undefined}
          >
            {name}
          </Link>
        ))}
      </nav>
      {found.isPending ? <Loading lines={6} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {doubtful && found.data ? (
        <Doubtful messages={found.data.items} picked={picked} onPick={setPicked} />
      ) : null}
      {found.data?.items.length === 0 ? (
        <Empty title={status ? words.emptyFiltered : words.empty}>{status ? null : words.emptyHint}</Empty>
      ) : null}
      {found.data && found.data.items.length > 0 ? (
        <div className="card card-flush">
          <table className="table table-stack" aria-label={words.title}>
            <thead>
              <tr>
                {doubtful ? <td /> : null}
                <th scope="col">{words.who}</th>
                <th scope="col">{words.status}</th>
                <th scope="col">{words.channel}</th>
                <th scope="col">{words.changed}</th>
              </tr>
            </thead>
            <tbody>
              {found.data.items.map((one) => (
                <Row
                  key={one.id}
                  message={one}
                  picked={picked.has(one.id)}
                  onPick={doubtful ? () => pick(one.id) : null}
                />
              ))}
            </tbody>
          </table>
          <Pager
            skip={skip}
            limit={PAGE}
            total={found.data.total}
            onMove={(to) => void navigate({ search: { ...(status ? { status } : {}), skip: to } })}
          />
        </div>
      ) : null}
    </>
  );
}
