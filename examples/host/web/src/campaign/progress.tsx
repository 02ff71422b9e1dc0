import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { useSay } from "../i18n";
import { Bar, Card } from "../ui/parts";
import { costQuery } from "./queries";
import { moves, type Campaign } from "./words";

/** How far it is: what was drafted, what left, what did not. */
export function ProgressCard({ campaign }: { campaign: Campaign }) {
  const { t, fill, number } = useSay();
  const cost = useQuery(costQuery(campaign.id)).data?.cost;
  const { generated_count, sent_count, failed_count, ended_count } = campaign.stats;
  const left = cost?.to_draft ?? 0;
  const all = generated_count + left;
  const rows: [string, string, number][] = [
    ["drafted", t.progress.drafted, generated_count],
    ["to_draft", t.progress.toDraft, left],
    ["sent", t.progress.sent, sent_count],
    ["failed", t.progress.failed, failed_count],
    ["ended", t.progress.ended, ended_count],
  ];
  const share = all > 0 ? Math.floor((generated_count * 1000) / all) : 0;
  return (
    <Card title={t.progress.title}>
      <div className="stack">
        <Bar
          label={fill(t.progress.bar, { done: number(generated_count), all: number(all) })}
          parts={[{ name: "done", share }]}
        />
        <dl className="rows">
          {rows.map(([name, label, value]) => (
            <div key={name} data-progress={name}>
              <dt>{label}</dt>
              <dd>{number(value)}</dd>
            </div>
          ))}
        </dl>
        {moves(campaign) && generated_count > 0 && !campaign.test_mode ? (
          <p className="faint">
            <Link to="/inbox" search={{ campaign: campaign.id }}>
              {t.progress.review}
            </Link>
          </p>
        ) : null}
      </div>
    </Card>
  );
}
