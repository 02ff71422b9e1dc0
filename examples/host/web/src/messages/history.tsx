// What happened to a message, newest first: who, when, why, and the place in the chain.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import type { Schemas } from "../api/client";
import { useSay, word } from "../i18n";
import { Changes } from "../inbox/text";
import { historyQuery, useNames } from "../inbox/queries";
import { Card, Loading, Problem } from "../ui/parts";

type Line = Schemas["HistoryLine"];

/** A new schedule or text that is the old one is a decision taken back. */
export function actionOf(line: Line, before: Line | undefined): string {
  const decided = before?.action === "approved" || before?.action === "rejected";
  const same = line.new_content === null || line.new_content === line.old_content;
  const back = line.action === "rescheduled" || line.action === "edited";
  return decided && back && same && line.status === "pending_approval" ? "reopened" : line.action;
}

function Entry({ line, before }: { line: Line; before: Line | undefined }) {
  const { t, fill, moment } = useSay();
  const name = useNames();
  const words = t.messages.page;
  const who = line.role === "system" ? words.worker : (name(line.user_id) ?? line.user_id);
  const action = actionOf(line, before);
  const [old, text] = [line.old_content, line.new_content];
  return (
    <li className="past" data-action={action}>
      <p className="past-head">
        <strong>{word(t.messages.past, action)}</strong>
        <span>{fill(t.messages.list.by, { who })}</span>
        <time dateTime={line.created_at}>{moment(line.created_at)}</time>
        <span className="faint">{fill(words.version, { n: String(line.version) })}</span>
      </p>
      {line.reason ? <p className="past-why">{fill(words.reason, { reason: line.reason })}</p> : null}
      {old && text && old !== text ? <Changes before={old} after={text} plain /> : null}
      <p className="faint past-chain">
        {line.hash ? fill(words.chain, { hash: line.hash.slice(0, 16) }) : words.chainWaits}
      </p>
    </li>
  );
}

export function HistoryCard({ id }: { id: string }) {
  const { t } = useSay();
  const found = useQuery(historyQuery(id));
  return (
    <Card
      title={t.messages.page.history}
      aside={
        <Link to="/audit" search={{ message: id }} className="card-aside">
          {t.audit.title}
        </Link>
      }
    >
      {found.isPending ? <Loading lines={4} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data ? (
        <ol className="pasts">
          {found.data.map((line, index) => (
            <Entry key={line.id} line={line} before={found.data[index + 1]} />
          ))}
        </ol>
      ) : null}
    </Card>
  );
}
