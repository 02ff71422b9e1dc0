// Who gets what when, and who does not and why.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import type { Schemas } from "../api/client";
import { useSay, word } from "../i18n";
import { usePace } from "../live";
import { Badge, Card, Empty, Loading, Money, Pager, Problem } from "../ui/parts";
import { PLAN_PAGE, planQuery } from "./queries";
import { channel, moves, type Campaign } from "./words";

type Line = Schemas["PlanLine"];

function Row({ line, variants }: { line: Line; variants: boolean }) {
  const say = useSay();
  const { t, wall } = say;
  return (
    <tr>
      <th scope="row">{line.contact_name ?? <span className="faint">{t.plan.erased}</span>}</th>
      <td data-label={t.plan.when}>
        {line.local_time ? (
          <time dateTime={line.send_at ?? undefined}>
            {wall(line.local_time)} <span className="row-hint">{line.time_zone}</span>
          </time>
        ) : (
          "—"
        )}
      </td>
      <td data-label={t.plan.channel}>{channel(line.channel, say)}</td>
      {variants ? <td data-label={t.plan.variant}>{line.variant ?? "—"}</td> : null}
      <td data-label={t.plan.state}>
        {line.excluded ? (
          <Badge tone="warn">{word(t.reason, line.reason ?? "")}</Badge>
        ) : line.message_id ? (
          <Badge tone="good">{t.plan.drafted}</Badge>
        ) : (
          <Badge tone="neutral">{t.plan.planned}</Badge>
        )}
      </td>
      <td data-label={t.plan.cost} className="number">
        {typeof line.estimated_cost === "string" ? <Money amount={line.estimated_cost} /> : "—"}
      </td>
    </tr>
  );
}

function Table({ lines }: { lines: Line[] }) {
  const { t } = useSay();
  const variants = lines.some((line) => line.variant && line.variant !== "A");
  return (
    <table className="table table-stack" aria-label={t.plan.title}>
      <thead>
        <tr>
          <th scope="col">{t.plan.who}</th>
          <th scope="col">{t.plan.when}</th>
          <th scope="col">{t.plan.channel}</th>
          {variants ? <th scope="col">{t.plan.variant}</th> : null}
          <th scope="col">{t.plan.state}</th>
          <th scope="col" className="number">
            {t.plan.cost}
          </th>
        </tr>
      </thead>
      <tbody>
        {lines.map((line) => (
          <Row key={`${line.occurrence} ${line.contact_id}`} line={line} variants={variants} />
        ))}
      </tbody>
    </table>
  );
}

export function PlanCard({ campaign }: { campaign: Campaign }) {
  const { t } = useSay();
  const [excluded, setExcluded] = useState<boolean | null>(null);
  const [skip, setSkip] = useState(0);
  const found = useQuery({
    ...planQuery(campaign.id, excluded, skip),
    refetchInterval: usePace(moves(campaign)),
  });
  const choices: [string, boolean | null][] = [
    [t.plan.all, null],
    [t.plan.included, false],
    [t.plan.excluded, true],
  ];
  const filter = (
    <div className="segments" role="group" aria-label={t.plan.show}>
      {choices.map(([name, value]) => (
        <button
          key={name}
          type="button"
          className="segment"
          aria-pressed={excluded === value}
          onClick={() => {
            setExcluded(value);
            setSkip(0);
          }}
        >
          {name}
        </button>
      ))}
    </div>
  );
  const page = found.data;
  return (
    <Card title={t.plan.title} aside={campaign.status === "draft" ? null : filter}>
      {found.isPending ? <Loading lines={5} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {page && page.items.length === 0 ? (
        excluded === null && skip === 0 ? (
          <Empty title={t.plan.empty}>{t.plan.emptyHint}</Empty>
        ) : (
          <p className="faint">{t.plan.emptyFiltered}</p>
        )
      ) : null}
      {page && page.items.length > 0 ? (
        <>
          <Table lines={page.items} />
          <Pager skip={skip} limit={PLAN_PAGE} total={page.total} onMove={setSkip} />
        </>
      ) : null}
    </Card>
  );
}
