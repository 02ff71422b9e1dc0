// How the campaigns go: drafted, sent, failed.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import type { Schemas } from "../api/client";
import { STATUS_TONES as CAMPAIGN_TONES } from "../campaign/words";
import { useSay } from "../i18n";
import { usePace } from "../live";
import { Badge, Card, Loading, Problem } from "../ui/parts";
import { performanceQuery } from "./queries";

const FEW = 10;

function Row({ line }: { line: Schemas["Performance"] }) {
  const { t, number } = useSay();
  const all = Math.max(line.generated_count, line.sent_count + line.failed_count, 1);
  const sent = (line.sent_count / all) * 1000;
  return (
    <tr data-campaign={line.id}>
      <th scope="row">
        <div className="analytics-campaign">
          <Link to="/campaigns/$id" params={{ id: line.id }} className="row-link">
            {line.name}
          </Link>
          <Badge tone={CAMPAIGN_TONES[line.status]}>{t.status[line.status]}</Badge>
        </div>
      </th>
      <td data-label={t.list.drafted} className="number">
        {number(line.generated_count)}
      </td>
      <td data-label={t.list.sent} className="number">
        {number(line.sent_count)}
      </td>
      <td data-label={t.list.failed} className="number">
        {number(line.failed_count)}
      </td>
      <td className="bars-bar analytics-bar">
        <svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">
          <rect className="bars-ground" x="0" y="0" width="1000" height="10" />
          <rect className="bars-good" x="0" y="0" width={sent} height="10" />
          <rect className="bars-bad" x={sent} y="0" width={(line.failed_count / all) * 1000} height="10" />
        </svg>
      </td>
    </tr>
  );
}

export function PerformanceCard() {
  const { t, fill, number } = useSay();
  const words = t.analytics;
  const [all, setAll] = useState(false);
  const found = useQuery({ ...performanceQuery, refetchInterval: usePace(true) });
  const lines = found.data?.data ?? [];
  return (
    <Card title={words.campaigns.title}>
      {found.isPending ? <Loading lines={5} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data && lines.length === 0 ? <p className="chart-empty">{words.campaigns.empty}</p> : null}
      {lines.length > 0 ? (
        <>
          <table className="table table-stack analytics-campaigns" aria-label={words.campaigns.title}>
            <thead>
              <tr>
                <th scope="col">{t.list.name}</th>
                <th scope="col" className="number">
                  {t.list.drafted}
                </th>
                <th scope="col" className="number">
                  {t.list.sent}
                </th>
                <th scope="col" className="number">
                  {t.list.failed}
                </th>
                <td className="analytics-bar" />
              </tr>
            </thead>
            <tbody>
              {(all ? lines : lines.slice(0, FEW)).map((line) => (
                <Row key={line.id} line={line} />
              ))}
            </tbody>
          </table>
          {lines.length > FEW ? (
            <button
              type="button"
              className="button button-small bars-all"
              aria-expanded={all}
              onClick={() => setAll(!all)}
            >
              {all ? words.fewer : fill(words.all, { n: number(lines.length) })}
            </button>
          ) : null}
          <p className="faint chart-hint">{words.campaigns.hint}</p>
        </>
      ) : null}
    </Card>
  );
}
