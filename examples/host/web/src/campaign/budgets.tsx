import { useQuery } from "@tanstack/react-query";

import { useSay } from "../i18n";
import { usePace } from "../live";
import { less, sum, thousandths } from "../money";
import { Bar, Card, Loading, Notice, Problem } from "../ui/parts";
import { budgetsQuery, costQuery } from "./queries";
import { moves, type Campaign } from "./words";

/** What limits the cost, and whether that is enough. */
export function BudgetsCard({ campaign }: { campaign: Campaign }) {
  const { t, fill, money } = useSay();
  const moving = moves(campaign);
  const found = useQuery({ ...budgetsQuery(campaign.id), refetchInterval: usePace(moving) });
  const cost = useQuery(costQuery(campaign.id)).data?.cost;
  // What is still to be spent: what was spent already stands in the budgets.
  const spent = cost ? sum([cost.spent_usd, cost.reserved_usd]) : null;
  const needs = (left: string) => {
    const expected = cost?.expected_total_usd;
    if (!expected || spent === null) return false;
    const room = sum([left, spent]);
    return room !== null && (moving || campaign.status === "draft") && less(room, expected);
  };
  const items = found.data?.items ?? [];
  return (
    <Card title={t.budgets.title}>
      {found.isPending ? <Loading lines={2} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data && items.length === 0 ? <p className="faint">{t.budgets.none}</p> : null}
      <ul className="budgets">
        {items.map((one) => (
          <li key={`${one.campaign_id ?? ""} ${one.period}`}>
            <p className="budget-name">
              {one.campaign_id ? t.budgets.campaign : t.budgets.workspace}, {t.budgets[one.period]}
            </p>
            <Bar
              label={fill(t.budgets.bar, { limit: money(one.limit_usd) })}
              parts={[
                { name: "spent", share: thousandths(one.spent_usd, one.limit_usd) },
                { name: "reserved", share: thousandths(one.reserved_usd, one.limit_usd) },
              ]}
            />
            <p>{fill(t.budgets.left, { left: money(one.left_usd), limit: money(one.limit_usd) })}</p>
            <p className="faint">
              {fill(t.budgets.used, { spent: money(one.spent_usd), reserved: money(one.reserved_usd) })}
            </p>
          </li>
        ))}
      </ul>
      {items.some((one) => needs(one.left_usd)) ? (
        <Notice tone="warn">
          <p>{t.budgets.tight}</p>
        </Notice>
      ) : null}
    </Card>
  );
}
