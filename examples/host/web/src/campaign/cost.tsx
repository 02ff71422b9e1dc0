// What the campaign costs: before it runs an estimate, while it runs what was spent and what is to come, afterwards what
// it cost, each beside what the usage ledger says.
import { useQuery } from "@tanstack/react-query";

import type { Schemas } from "../api/client";
import { useSay, word } from "../i18n";
import { usePace } from "../live";
import { sum, thousandths } from "../money";
import { Bar, Card, Loading, Money, Notice, Problem } from "../ui/parts";
import { costQuery } from "./queries";
import { moves, type Campaign } from "./words";

type Cost = Schemas["Cost"];
type Usage = Schemas["UsageSum"];

type Moment = "before" | "running" | "after";

function momentOf(campaign: Campaign): Moment {
  if (campaign.status === "draft") return "before";
  return moves(campaign) ? "running" : "after";
}

function Figure({
  name,
  label,
  amount,
  large,
}: {
  name: string;
  label: string;
  amount: string | null;
  large?: boolean;
}) {
  return (
    <div className={large ? "figure figure-large" : "figure"} data-figure={name}>
      <dt>{label}</dt>
      <dd>
        <Money amount={amount} />
      </dd>
    </div>
  );
}

function Spent({ cost }: { cost: Cost }) {
  const { t, fill, money } = useSay();
  const most = cost.at_most_usd;
  if (!most || most === "0.00") return null;
  return (
    <Bar
      label={fill(t.cost.bar, { spent: money(cost.spent_usd), most: money(most) })}
      parts={[
        { name: "spent", share: thousandths(cost.spent_usd, most) },
        { name: "reserved", share: thousandths(cost.reserved_usd, most) },
      ]}
    />
  );
}

function Figures({ cost, moment }: { cost: Cost; moment: Moment }) {
  const { t, number } = useSay();
  const main: [string, string, string | null | undefined] =
    moment === "before"
      ? ["expected", t.cost.expected, cost.expected_total_usd]
      : ["spent", moment === "after" ? t.cost.spentInAll : t.cost.spent, cost.spent_usd];
  return (
    <dl className="figures">
      <Figure name={main[0]} label={main[1]} amount={main[2] ?? null} large />
      {moment === "before" ? null : (
        <Figure name="expected" label={t.cost.expected} amount={cost.expected_total_usd ?? null} />
      )}
      <Figure name="at_most" label={t.cost.atMost} amount={cost.at_most_usd ?? null} />
      {moment === "running" ? (
        <Figure name="reserved" label={t.cost.reserved} amount={cost.reserved_usd} />
      ) : null}
      <div className="figure" data-figure="typical">
        <dt>{t.cost.typical}</dt>
        <dd>
          <Money amount={cost.typical_usd ?? null} />
          <span className="figure-hint">{word(t.basis, cost.basis)}</span>
        </dd>
      </div>
      <div className="figure" data-figure="drafted">
        <dt>{t.cost.drafted}</dt>
        <dd>
          <data value={cost.drafted}>{number(cost.drafted)}</data>
        </dd>
      </div>
      <div className="figure" data-figure="to_draft">
        <dt>{t.cost.toDraft}</dt>
        <dd>
          <data value={cost.to_draft}>{number(cost.to_draft)}</data>
        </dd>
      </div>
    </dl>
  );
}

function Ledger({ cost, models }: { cost: Cost; models: Usage[] }) {
  const { t, number } = useSay();
  if (models.length === 0) return <p className="faint">{t.cost.ledgerEmpty}</p>;
  const total = sum(models.map((one) => one.cost_usd));
  const open = sum(models.map((one) => one.reserved_usd));
  const written = (one: Usage) => one.cache_write_5m_tokens + one.cache_write_1h_tokens;
  const input = (one: Usage) => one.input_tokens + written(one) + one.cache_read_tokens;
  const agrees = total === cost.spent_usd && open === cost.reserved_usd;
  return (
    <>
      <table className="table table-stack" aria-label={t.cost.ledger} data-ledger={total ?? ""}>
        <thead>
          <tr>
            <th scope="col">{t.cost.model}</th>
            <th scope="col" className="number">
              {t.cost.calls}
            </th>
            <th scope="col" className="number">
              {t.cost.tokensIn}
            </th>
            <th scope="col" className="number">
              {t.cost.tokensOut}
            </th>
            <th scope="col" className="number">
              {t.cost.amount}
            </th>
          </tr>
        </thead>
        <tbody>
          {models.map((one) => (
            <tr key={one.name}>
              <th scope="row">
                <code>{one.name}</code>
              </th>
              <td data-label={t.cost.calls} className="number">
                {number(one.calls)}
              </td>
              <td data-label={t.cost.tokensIn} className="number">
                {number(input(one))}
              </td>
              <td data-label={t.cost.tokensOut} className="number">
                {number(one.output_tokens)}
              </td>
              <td data-label={t.cost.amount} className="number">
                <Money amount={one.cost_usd} />
              </td>
            </tr>
          ))}
        </tbody>
        {models.length > 1 ? (
          <tfoot>
            <tr>
              <th scope="row" colSpan={4}>
                {t.cost.total}
              </th>
              <td data-label={t.cost.amount} className="number">
                <Money amount={total} />
              </td>
            </tr>
          </tfoot>
        ) : null}
      </table>
      {agrees && cost.reserved_usd === "0.00" ? (
        <Notice tone="good">
          <p>{t.cost.agrees}</p>
        </Notice>
      ) : (
        <p className="faint">{t.cost.moving}</p>
      )}
    </>
  );
}

export function CostCard({ campaign }: { campaign: Campaign }) {
  const { t } = useSay();
  const moment = momentOf(campaign);
  const found = useQuery({ ...costQuery(campaign.id), refetchInterval: usePace(moment === "running") });
  return (
    <Card title={t.cost.title} aside={<span className="card-aside">{t.cost[moment]}</span>}>
      {found.isPending ? <Loading lines={4} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data ? (
        <div className="stack" data-cost={moment}>
          <Figures cost={found.data.cost} moment={moment} />
          {moment === "running" ? <Spent cost={found.data.cost} /> : null}
          {moment === "running" && found.data.cost.reserved_usd !== "0.00" ? (
            <p className="faint">
              {t.cost.reserved}: {t.cost.reservedHint}.
            </p>
          ) : null}
          {moment === "before" ? null : (
            <div>
              <h3>{t.cost.ledger}</h3>
              <p className="faint">{t.cost.ledgerHint}</p>
              <Ledger cost={found.data.cost} models={found.data.models} />
            </div>
          )}
          <p className="faint">{t.cost.exact}</p>
        </div>
      ) : null}
    </Card>
  );
}
