// How the variants fare with the people who look at the drafts.
import { useQuery } from "@tanstack/react-query";

import type { Schemas } from "../api/client";
import { useSay } from "../i18n";
import { usePace } from "../live";
import { Card, Loading, Notice, Problem } from "../ui/parts";
import { verdict } from "./compare";
import { experimentQuery } from "./queries";
import { moves, percent, type Campaign } from "./words";

type Result = Schemas["VariantResult"];
type Comparison = Schemas["VariantComparison"];

function Figures({ results }: { results: Result[] }) {
  const { t, number } = useSay();
  const words = t.campaigns.experiment;
  const columns: [string, (one: Result) => number][] = [
    [words.drafted, (one) => one.generated_count],
    [words.decided, (one) => one.decided_count],
    [words.edited, (one) => one.edited_count],
    [words.rejected, (one) => one.rejected_count],
    [words.sent, (one) => one.sent_count],
    [words.failed, (one) => one.failed_count],
  ];
  return (
    <table className="table table-stack" aria-label={words.title}>
      <thead>
        <tr>
          <th scope="col">{words.variant}</th>
          {columns.map(([name]) => (
            <th key={name} scope="col" className="number">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {results.map((one) => (
          <tr key={one.name} data-variant={one.name}>
            <th scope="row">{one.name}</th>
            {columns.map(([name, value]) => (
              <td key={name} data-label={name} className="number">
                {number(value(one))}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Compared({ title, name, found }: { title: string; name: string; found: Comparison }) {
  const say = useSay();
  const { t, fill, number } = say;
  const words = t.campaigns.experiment;
  const first = found.rates[0]?.variant ?? "";
  const points = (part: number) => number(Math.round(part * 1000) / 10);
  return (
    <section className="campaign-words" data-compared={name}>
      <h3>{title}</h3>
      <ul>
        {found.rates.map(({ variant, rate, low, high }) => (
          <li key={variant}>
            {typeof rate === "number"
              ? fill(words.rate, {
                  name: variant,
                  rate: percent(rate, say),
                  low: percent(low, say),
                  high: percent(high, say),
                })
              : fill(words.unknown, { name: variant })}
          </li>
        ))}
        {found.differences.map((one) => {
          const known = verdict(one);
          const names = { name: one.variant, first };
          return (
            <li key={one.variant} data-verdict={known.is}>
              {known.is === "open"
                ? fill(words.open, names)
                : fill(words[known.is], { ...names, low: points(known.low), high: points(known.high) })}
            </li>
          );
        })}
      </ul>
      {found.winner ? (
        <Notice tone="good">
          <p>{fill(words.winner, { name: found.winner })}</p>
        </Notice>
      ) : null}
    </section>
  );
}

export function ExperimentCard({ campaign }: { campaign: Campaign }) {
  const say = useSay();
  const { t, fill } = say;
  const words = t.campaigns.experiment;
  const pace = usePace(moves(campaign));
  const begun = campaign.status !== "draft";
  const found = useQuery({
    ...experimentQuery(campaign.id),
    enabled: Boolean(campaign.variants) && begun,
    refetchInterval: pace,
  });
  if (!campaign.variants || !begun) return null;
  const data = found.data;
  const drafted = data?.variants.some((one) => one.generated_count > 0) ?? false;
  return (
    <Card title={words.title}>
      {found.isPending ? <Loading lines={4} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {data ? (
        <div className="stack">
          {drafted ? <Figures results={data.variants} /> : <p className="faint">{words.nothing}</p>}
          {drafted && data.edited ? (
            <Compared title={words.byEdited} name="edited" found={data.edited} />
          ) : null}
          {drafted && data.rejected ? (
            <Compared title={words.byRejected} name="rejected" found={data.rejected} />
          ) : null}
          {data.holdout_permille > 0 ? (
            <p className="faint">
              {fill(words.holdout, { share: percent(data.holdout_permille / 1000, say) })}
            </p>
          ) : null}
          {data.edited ? <p className="faint">{words.hint}</p> : null}
        </div>
      ) : null}
    </Card>
  );
}
