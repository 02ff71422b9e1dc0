// The cards of the analytics: each with its own question to the host, so that one that fails leaves the others.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { useSay } from "../i18n";
import { usePace } from "../live";
import { STATUS_TONES } from "../messages/words";
import { dollars, picodollars, sum } from "../money";
import { segmentsQuery } from "../people/queries";
import { segmentName } from "../people/words";
import { Card, Loading, Money, Problem } from "../ui/parts";
import { Bars } from "./bars";
import { DayChart } from "./columns";
import { aiQuery, costQuery, figuresQuery, occasionsQuery, statusesQuery, timelineQuery } from "./queries";

/** In the place of a chart for which there is nothing. */
function Nothing({ children }: { children: string }) {
  return <p className="chart-empty">{children}</p>;
}

export function Figures() {
  const { t, number } = useSay();
  const words = t.analytics.figure;
  const found = useQuery({ ...figuresQuery, refetchInterval: usePace(true) });
  if (found.error && !found.data) {
    return <Problem error={found.error} retry={() => void found.refetch()} />;
  }
  const of = found.data;
  const shown = (n: number | undefined) => (n === undefined ? "\u00a0" : number(n));
  return (
    <dl className="analytics-figures" aria-busy={found.isPending}>
      <div className="figure">
        <dt>{words.waiting}</dt>
        <dd data-figure="waiting">
          <Link to="/inbox">{shown(of?.pending_approval)}</Link>
        </dd>
      </div>
      <div className="figure">
        <dt>{words.approved}</dt>
        <dd data-figure="approved">{shown(of?.approved)}</dd>
      </div>
      <div className="figure">
        <dt>{words.sent}</dt>
        <dd data-figure="sent">{shown(of?.sent)}</dd>
      </div>
      <div className="figure">
        <dt>{words.month}</dt>
        <dd data-figure="month">{shown(of?.messages_this_month)}</dd>
      </div>
      <div className="figure">
        <dt>{words.campaigns}</dt>
        <dd data-figure="campaigns">
          <Link to="/campaigns" search={{ status: "active" }}>
            {shown(of?.active_campaigns)}
          </Link>
        </dd>
      </div>
      <div className="figure">
        <dt>{words.contacts}</dt>
        <dd data-figure="contacts">
          <Link to="/contacts">{shown(of?.total_contacts)}</Link>
        </dd>
      </div>
    </dl>
  );
}

export function TimelineCard({ days, zone }: { days: number; zone: string | undefined }) {
  const { t, number, count } = useSay();
  const words = t.analytics.timeline;
  const found = useQuery({ ...timelineQuery(days, zone), refetchInterval: usePace(true) });
  const points = found.data?.data.map(({ date, count }) => ({ date, value: BigInt(count) })) ?? [];
  const total = points.reduce((total, { value }) => total + Number(value), 0);
  return (
    <Card title={words.title}>
      {found.isPending ? <Loading lines={6} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data && !found.error ? (
        <div aria-busy={found.isPlaceholderData} className={found.isPlaceholderData ? "chart-stale" : ""}>
          {total === 0 ? (
            <Nothing>{words.empty}</Nothing>
          ) : (
            <DayChart
              points={points}
              title={words.title}
              unit={t.analytics.messages}
              shown={(value) => number(Number(value))}
              sum={count(total, t.analytics.counted.messages)}
            />
          )}
          <p className="faint chart-hint">{words.hint}</p>
        </div>
      ) : null}
    </Card>
  );
}

export function StatusCard() {
  const { t } = useSay();
  const words = t.analytics;
  const found = useQuery({ ...statusesQuery, refetchInterval: usePace(true) });
  const lines = (found.data?.data ?? []).map(({ status, count }) => ({
    key: status,
    name: (
      <Link to="/messages" search={{ status }}>
        {t.messages.status[status]}
      </Link>
    ),
    value: count,
    tone: STATUS_TONES[status],
  }));
  const some = lines.filter(({ value }) => value > 0);
  return (
    <Card title={words.status}>
      {found.isPending ? <Loading lines={5} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data && some.length === 0 ? <Nothing>{words.noMessages}</Nothing> : null}
      {some.length > 0 ? <Bars label={words.status} unit={words.messages} lines={some} /> : null}
    </Card>
  );
}

export function OccasionCard() {
  const { t } = useSay();
  const words = t.analytics;
  const found = useQuery({ ...occasionsQuery, refetchInterval: usePace(true) });
  const lines = (found.data?.data ?? []).map(({ occasion_type: occasion, count }) => ({
    key: occasion,
    name: t.occasion[occasion],
    value: count,
  }));
  const empty = lines.every(({ value }) => value === 0);
  return (
    <Card title={words.occasion}>
      {found.isPending ? <Loading lines={5} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data && empty ? <Nothing>{words.noMessages}</Nothing> : null}
      {empty ? null : <Bars label={words.occasion} unit={words.messages} lines={lines} />}
    </Card>
  );
}

export function SegmentCard() {
  const { t } = useSay();
  const words = t.analytics;
  const found = useQuery({ ...segmentsQuery, refetchInterval: usePace(true) });
  const lines = (found.data?.data ?? []).map(({ segment, count }) => ({
    key: segment,
    name: (
      <Link to="/contacts" search={{ segment }}>
        {segmentName(segment, t)}
      </Link>
    ),
    value: count,
  }));
  return (
    <Card title={words.segment}>
      {found.isPending ? <Loading lines={5} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data && lines.length === 0 ? <Nothing>{words.noContacts}</Nothing> : null}
      {lines.length > 0 ? <Bars label={words.segment} unit={words.figure.contacts} lines={lines} /> : null}
    </Card>
  );
}

function Spent({ days }: { days: number }) {
  const { t, money } = useSay();
  const words = t.analytics.ai;
  const found = useQuery({ ...costQuery(days), refetchInterval: usePace(true) });
  if (found.isPending) return <Loading lines={5} />;
  if (found.error) return <Problem error={found.error} retry={() => void found.refetch()} />;
  const points = found.data.map(({ date, cost }) => ({ date, value: picodollars(cost) ?? 0n }));
  const total = sum(found.data.map(({ cost }) => cost));
  return (
    <div className={found.isPlaceholderData ? "chart-stale" : ""} data-spent={total}>
      <h3 className="chart-title">{words.byDay}</h3>
      {points.every(({ value }) => value === 0n) || total === null ? (
        <Nothing>{words.byDayEmpty}</Nothing>
      ) : (
        <DayChart
          points={points}
          title={words.byDay}
          unit={t.analytics.amount}
          shown={(value) => money(dollars(value))}
          sum={money(total)}
        />
      )}
      <p className="faint chart-hint">{words.hint}</p>
    </div>
  );
}

export function AiCard({ days }: { days: number }) {
  const { t, number } = useSay();
  const words = t.analytics.ai;
  const found = useQuery({ ...aiQuery, refetchInterval: usePace(true) });
  const of = found.data;
  return (
    <Card title={words.title}>
      {found.isPending ? <Loading lines={5} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {of && of.ai_generated === 0 ? <Nothing>{words.empty}</Nothing> : null}
      {of && of.ai_generated > 0 ? (
        <>
          <dl className="figures analytics-ai">
            <div className="figure">
              <dt>{words.cost}</dt>
              <dd>
                <Money amount={of.total_cost_usd} />
              </dd>
            </div>
            <div className="figure">
              <dt>{words.each}</dt>
              <dd>
                <Money amount={of.avg_cost_per_message} />
              </dd>
            </div>
            <div className="figure">
              <dt>{words.drafted}</dt>
              <dd>{number(of.ai_generated)}</dd>
            </div>
            <div className="figure">
              <dt>{words.manual}</dt>
              <dd>{number(of.manual)}</dd>
            </div>
            <div className="figure">
              <dt>{words.tokens}</dt>
              <dd>{number(of.total_tokens_used)}</dd>
            </div>
          </dl>
          <Spent days={days} />
        </>
      ) : null}
    </Card>
  );
}
