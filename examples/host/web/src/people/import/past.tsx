// Imports that were.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import type { Schemas } from "../../api/client";
import { useSay } from "../../i18n";
import { usePace } from "../../live";
import { Badge, Card, Loading, Problem, type Tone } from "../../ui/parts";
import { importsQuery } from "../queries";

export const TONES: Record<Schemas["ImportStatus"], Tone> = {
  queued: "neutral",
  running: "info",
  completed: "good",
  failed: "bad",
  reverted: "neutral",
};

export function PastCard() {
  const { t, number, moment } = useSay();
  const found = useQuery({ ...importsQuery, refetchInterval: usePace(true) });
  const items = found.data?.items ?? [];
  return (
    <Card title={t.people.import.past}>
      {found.isPending ? <Loading lines={2} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data && items.length === 0 ? <p className="faint">{t.people.import.pastEmpty}</p> : null}
      {items.length > 0 ? (
        <table className="table table-stack" aria-label={t.people.import.past}>
          <thead>
            <tr>
              <th scope="col">{t.people.import.started}</th>
              <th scope="col">{t.people.import.status}</th>
              <th scope="col" className="number">
                {t.people.import.counts.created}
              </th>
              <th scope="col" className="number">
                {t.people.import.counts.updated}
              </th>
              <th scope="col" className="number">
                {t.people.import.counts.rejected}
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((one) => (
              <tr key={one.import_id}>
                <th scope="row">
                  <Link to="/contacts/import/$id" params={{ id: one.import_id }} className="row-link">
                    {one.started_at ? moment(one.started_at) : one.import_id}
                  </Link>
                </th>
                <td data-label={t.people.import.status}>
                  <Badge tone={TONES[one.status]}>{t.people.import.statuses[one.status]}</Badge>
                </td>
                <td data-label={t.people.import.counts.created} className="number">
                  {number(one.created)}
                </td>
                <td data-label={t.people.import.counts.updated} className="number">
                  {number(one.updated)}
                </td>
                <td data-label={t.people.import.counts.rejected} className="number">
                  {number(one.rejected)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </Card>
  );
}
