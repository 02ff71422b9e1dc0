// A column for each day. What a pointer shows, and what the picture says, stands in the table below it as well.
import { useLayoutEffect, useRef, useState, type PointerEvent } from "react";

import { useSay } from "../i18n";
import { height, ticks, top } from "./scale";

const HEIGHT = 180;
/** Room for the names of days (px). */
const FOOT = 22;
/** Room for the name of the highest line (px). */
const HEAD = 18;
/** A name of a day needs this much (px). */
const NAME = 92;

export interface Point {
  /** A calendar day: it is the same everywhere. */
  date: string;
  value: bigint;
}

export function useWidth(): [React.RefObject<HTMLDivElement | null>, number] {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = place.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setWidth(element.clientWidth));
    watch.observe(element);
    setWidth(element.clientWidth);
    return () => watch.disconnect();
  }, []);
  return [place, width];
}

function Columns({
  points,
  label,
  shown,
  width,
  at,
  onPoint,
}: {
  points: Point[];
  label: string;
  shown: (value: bigint) => string;
  width: number;
  at: number | null;
  onPoint: (index: number | null) => void;
}) {
  const { dayOfMonth } = useSay();
  const highest = top(points.map(({ value }) => value));
  const room = HEIGHT - HEAD - FOOT;
  const y = (value: bigint) => HEAD + room - (height(value, highest) * room) / 1000;
  const step = width / Math.max(points.length, 1);
  const gap = step > 6 ? Math.min(step * 0.25, 8) : step > 2 ? 1 : 0;
  const every = Math.max(1, Math.ceil(NAME / step));
  const point = (event: PointerEvent<SVGSVGElement>) => {
    const from = event.currentTarget.getBoundingClientRect().left;
    const index = Math.floor((event.clientX - from) / step);
    onPoint(index >= 0 && index < points.length ? index : null);
  };
  return (
    <svg
      className="chart-picture"
      width={width}
      height={HEIGHT}
      role="img"
      aria-label={label}
      onPointerMove={point}
      onPointerDown={point}
      onPointerLeave={() => onPoint(null)}
    >
      {ticks(highest).map((tick) => (
        <g key={tick.toString()}>
          <line className="chart-line" x1={0} x2={width} y1={y(tick)} y2={y(tick)} />
          <text className="chart-tick" x={0} y={y(tick) - 5}>
            {shown(tick)}
          </text>
        </g>
      ))}
      <line className="chart-ground" x1={0} x2={width} y1={HEAD + room} y2={HEAD + room} />
      {points.map(({ date, value }, index) => (
        <rect
          key={date}
          className={index === at ? "chart-column chart-column-at" : "chart-column"}
          data-date={date}
          x={index * step + gap / 2}
          y={y(value)}
          width={Math.max(step - gap, 0.5)}
          height={HEAD + room - y(value)}
          rx={step > 8 ? 2 : 0}
        />
      ))}
      {points.map(({ date }, index) => {
        // Counted from the last one: today is always named.
        const back = points.length - 1 - index;
        if (back % every !== 0) return null;
        const middle = index * step + step / 2;
        const near = middle < NAME / 2 ? "start" : width - middle < NAME / 2 ? "end" : "middle";
        const x = near === "start" ? index * step : near === "end" ? (index + 1) * step : middle;
        if (near === "start" && back > 0 && every > 1 && (points.length - 1) * step < NAME * 1.5) return null;
        return (
          <text key={date} className="chart-tick" x={x} y={HEIGHT - 5} textAnchor={near}>
            {dayOfMonth(date)}
          </text>
        );
      })}
    </svg>
  );
}

export function DayChart({
  points,
  title,
  unit,
  shown,
  sum,
}: {
  points: Point[];
  title: string;
  /** What the numbers are, as the head of their column. */
  unit: string;
  shown: (value: bigint) => string;
  sum: string;
}) {
  const { t, fill, dayOfMonth } = useSay();
  const words = t.analytics;
  const [place, width] = useWidth();
  const [at, setAt] = useState<number | null>(null);
  const most = points.reduce<Point | undefined>(
    (most, one) => (!most || one.value > most.value ? one : most),
    undefined,
  );
  if (!most) return null;
  const said = fill(words.timeline.said, { sum, day: dayOfMonth(most.date), most: shown(most.value) });
  const one = at === null ? undefined : points[at];
  return (
    <div className="chart">
      <p className="chart-said" data-chart-said>
        {one ? fill(words.timeline.one, { day: dayOfMonth(one.date), n: shown(one.value) }) : said}
      </p>
      <div className="chart-place" ref={place}>
        {width > 0 ? (
          <Columns
            points={points}
            label={`${title}. ${said}`}
            shown={shown}
            width={width}
            at={at}
            onPoint={setAt}
          />
        ) : null}
      </div>
      <details className="chart-table">
        <summary>{words.table}</summary>
        <table className="table" aria-label={title}>
          <thead>
            <tr>
              <th scope="col">{words.day}</th>
              <th scope="col" className="number">
                {unit}
              </th>
            </tr>
          </thead>
          <tbody>
            {points.map(({ date, value }) => (
              <tr key={date}>
                <th scope="row">
                  <time dateTime={date}>{dayOfMonth(date)}</time>
                </th>
                <td className="number">{shown(value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </div>
  );
}
