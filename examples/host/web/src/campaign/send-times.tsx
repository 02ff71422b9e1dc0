// The send times of a plan, drawn by day and hour, and why people are left out of it. What is drawn can be read: in the
// sentence above it, and in a table below.
import { useQuery } from "@tanstack/react-query";
import { useState, type PointerEvent } from "react";

import { useWidth } from "../analytics/columns";
import { useSay, word, type Say } from "../i18n";
import { Card, Loading, Problem } from "../ui/parts";
import { busiest, clock, DRAWN, heatOf, level, reasonsOf, type HeatDay } from "./heat";
import { linesQuery, planQuery } from "./queries";
import type { Campaign } from "./words";

/** The height of a day, and room for the names of hours (px). */
const ROW = 22;
const HEAD = 18;
/** Room for the names of days (px). */
const NAMES = 84;

interface Cell {
  day: number;
  hour: number;
}

const dayName = (day: string, { day: said }: Say) => said(`${day}T12:00:00Z`);

function Picture({
  days,
  most,
  label,
  width,
  at,
  onAt,
}: {
  days: HeatDay[];
  most: number;
  label: string;
  width: number;
  at: Cell | null;
  onAt: (cell: Cell | null) => void;
}) {
  const { dayOfMonth } = useSay();
  const step = (width - NAMES) / 24;
  const gap = step > 14 ? 2 : 1;
  // Names of hours that do not touch.
  const every = step * 3 > 40 ? 3 : step * 6 > 40 ? 6 : 12;
  const point = (event: PointerEvent<SVGSVGElement>) => {
    const { left, top } = event.currentTarget.getBoundingClientRect();
    const hour = Math.floor((event.clientX - left - NAMES) / step);
    const day = Math.floor((event.clientY - top - HEAD) / ROW);
    onAt(hour >= 0 && hour < 24 && day >= 0 && day < days.length ? { day, hour } : null);
  };
  return (
    <svg
      className="chart-picture"
      width={width}
      height={HEAD + days.length * ROW}
      role="img"
      aria-label={label}
      onPointerMove={point}
      onPointerDown={point}
      onPointerLeave={() => onAt(null)}
    >
      {Array.from({ length: 24 }, (_, hour) =>
        hour % every === 0 ? (
          <text key={hour} className="heat-hour" x={NAMES + hour * step} y={HEAD - 5}>
            {clock(hour)}
          </text>
        ) : null,
      )}
      {days.map(({ day, hours }, row) => (
        <g key={day}>
          <text className="heat-day" x={0} y={HEAD + row * ROW + ROW - 7}>
            {dayOfMonth(`${day}T12:00:00Z`)}
          </text>
          {hours.map((n, hour) => (
            <rect
              key={hour}
              className={`heat-${level(n, most)}${at?.day === row && at.hour === hour ? " heat-at" : ""}`}
              data-heat={n > 0 ? `${day} ${hour}` : undefined}
              x={NAMES + hour * step + gap / 2}
              y={HEAD + row * ROW + gap / 2}
              width={Math.max(step - gap, 1)}
              height={ROW - gap}
              rx={step > 10 ? 3 : 1}
            />
          ))}
        </g>
      ))}
    </svg>
  );
}

function Table({ days }: { days: HeatDay[] }) {
  const say = useSay();
  const { t, number } = say;
  const words = t.campaigns.heat;
  return (
    <details className="chart-table">
      <summary>{words.table}</summary>
      <table className="table" aria-label={words.title}>
        <thead>
          <tr>
            <th scope="col">{words.day}</th>
            <th scope="col">{words.hours}</th>
            <th scope="col" className="number">
              {words.sum}
            </th>
          </tr>
        </thead>
        <tbody>
          {days.map(({ day, hours, sum }) => (
            <tr key={day}>
              <th scope="row">
                <time dateTime={day}>{dayName(day, say)}</time>
              </th>
              <td className="heat-hours">
                {hours.flatMap((n, hour) => (n > 0 ? [`${clock(hour)} (${number(n)})`] : [])).join(", ")}
              </td>
              <td className="number">{number(sum)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function Heat({ days }: { days: HeatDay[] }) {
  const say = useSay();
  const { t, fill, count, number } = say;
  const words = t.campaigns.heat;
  const [place, width] = useWidth();
  const [at, setAt] = useState<Cell | null>(null);
  const most = busiest(days);
  if (!most) return <p className="faint">{words.none}</p>;
  const drawn = days.slice(0, DRAWN);
  const said = fill(words.said, {
    all: count(
      days.reduce((sum, one) => sum + one.sum, 0),
      t.campaigns.counted.people,
    ),
    days: count(days.length, t.campaigns.counted.days),
    day: dayName(most.day, say),
    hour: clock(most.hour),
    most: number(most.n),
  });
  const one = at ? drawn[at.day] : undefined;
  return (
    <div className="chart">
      <p className="chart-said" data-heat-said>
        {one && at
          ? fill(words.one, {
              day: dayName(one.day, say),
              hour: clock(at.hour),
              n: number(one.hours[at.hour] ?? 0),
            })
          : said}
      </p>
      <div className="chart-place heat-place" ref={place}>
        {width > NAMES ? (
          <Picture
            days={drawn}
            most={most.n}
            label={`${words.title}. ${said}`}
            width={width}
            at={at}
            onAt={setAt}
          />
        ) : null}
      </div>
      <p className="heat-key" aria-hidden="true">
        {words.less}
        <svg width="84" height="12">
          {[1, 2, 3, 4].map((one) => (
            <rect
              key={one}
              className={`heat-${one}`}
              x={(one - 1) * 21}
              y={0}
              width={19}
              height={12}
              rx={2}
            />
          ))}
        </svg>
        {words.most}
      </p>
      {days.length > DRAWN ? <p className="faint">{words.more}</p> : null}
      <Table days={days} />
    </div>
  );
}

function Reasons({ reasons }: { reasons: [string, number][] }) {
  const { t, number } = useSay();
  const words = t.campaigns.reasons;
  if (reasons.length === 0) return <p className="faint">{words.none}</p>;
  return (
    <table className="table" aria-label={words.title}>
      <thead>
        <tr>
          <th scope="col">{words.reason}</th>
          <th scope="col" className="number">
            {words.people}
          </th>
        </tr>
      </thead>
      <tbody>
        {reasons.map(([reason, n]) => (
          <tr key={reason} data-reason={reason}>
            <th scope="row">{word(t.reason, reason)}</th>
            <td className="number">{number(n)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Nothing before there is a plan. */
export function SendTimes({ campaign }: { campaign: Campaign }) {
  const { t, fill, number } = useSay();
  // The first page of the plan, which is on the screen anyway, says how many lines there are.
  const total = useQuery(planQuery(campaign.id, null, 0)).data?.total ?? 0;
  const found = useQuery(linesQuery(campaign.id, total));
  if (total === 0) return null;
  const lines = found.data;
  const part =
    lines && lines.length < total ? (
      <p className="faint" data-heat-part>
        {fill(t.campaigns.heat.part, { n: number(lines.length), all: number(total) })}
      </p>
    ) : null;
  return (
    <>
      <Card
        title={t.campaigns.heat.title}
        aside={<span className="card-aside">{t.campaigns.heat.hint}</span>}
      >
        {found.isPending ? <Loading lines={4} /> : null}
        {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
        {lines ? (
          <div className="stack">
            <Heat days={heatOf(lines)} />
            {part}
          </div>
        ) : null}
      </Card>
      {lines ? (
        <Card title={t.campaigns.reasons.title}>
          <Reasons reasons={reasonsOf(lines)} />
          {part}
        </Card>
      ) : null}
    </>
  );
}
