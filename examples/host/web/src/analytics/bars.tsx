// Bars with their names and numbers: the chart is a table, so that nobody needs another one.
import { useState, type ReactNode } from "react";

import { useSay } from "../i18n";
import type { Tone } from "../ui/parts";

export interface BarLine {
  key: string;
  name: ReactNode;
  value: number;
  tone?: Tone;
}

/** As many as are shown before the rest is asked for. */
const FEW = 8;

function Line({ line, most }: { line: BarLine; most: number }) {
  const { number } = useSay();
  const share = most === 0 ? 0 : Math.max((line.value / most) * 1000, line.value > 0 ? 6 : 0);
  return (
    <tr data-bar={line.key} data-value={line.value}>
      <th scope="row">{line.name}</th>
      <td className="number">{number(line.value)}</td>
      <td className="bars-bar">
        <svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" focusable="false">
          <rect className={`bars-${line.tone ?? "plain"}`} x="0" y="0" width={share} height="10" />
        </svg>
      </td>
    </tr>
  );
}

/** Lines in their order; those behind the first few on demand. */
export function Bars({ label, unit, lines }: { label: string; unit: string; lines: BarLine[] }) {
  const { t, fill, number } = useSay();
  const words = t.analytics;
  const [all, setAll] = useState(false);
  const most = Math.max(0, ...lines.map(({ value }) => value));
  const shown = all || lines.length <= FEW + 1 ? lines : lines.slice(0, FEW);
  return (
    <>
      <table className="bars" aria-label={label}>
        <thead className="hidden">
          <tr>
            <th scope="col">{words.name}</th>
            <th scope="col">{unit}</th>
            <td />
          </tr>
        </thead>
        <tbody>
          {shown.map((line) => (
            <Line key={line.key} line={line} most={most} />
          ))}
        </tbody>
      </table>
      {lines.length > FEW + 1 ? (
        <button
          type="button"
          className="button button-small bars-all"
          aria-expanded={all}
          onClick={() => setAll(!all)}
        >
          {all ? words.fewer : fill(words.all, { n: number(lines.length) })}
        </button>
      ) : null}
    </>
  );
}
