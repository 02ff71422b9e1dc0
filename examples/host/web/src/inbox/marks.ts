// Findings in the text they are about. The API counts Unicode scalar values; JavaScript's own indices count UTF-16 units.
import type { Schemas } from "../api/client";

export type Finding = Schemas["Finding"];

export interface Piece {
  text: string;
  /** Numbers of the findings that this piece belongs to, the gravest first; none for plain text. */
  findings: number[];
}

export const GRAVITY: Record<Schemas["Severity"], number> = { notice: 1, warning: 2, blocking: 3 };

/** The gravest of them; 0 for none. */
export function risk(findings: Finding[]): number {
  return findings.reduce((most, one) => Math.max(most, GRAVITY[one.severity]), 0);
}

/** The text cut where findings of that part begin and end. */
export function pieces(text: string, findings: Finding[], part: "subject" | "content"): Piece[] {
  const signs = Array.from(text);
  const spans = findings.flatMap((finding, number) => {
    if (finding.part !== part || !finding.span) return [];
    const start = Math.max(0, Math.min(finding.span.start, signs.length));
    const end = Math.max(start, Math.min(finding.span.end, signs.length));
    return end > start ? [{ number, start, end, gravity: GRAVITY[finding.severity] }] : [];
  });
  const cuts = new Set([0, signs.length]);
  for (const { start, end } of spans) cuts.add(start).add(end);
  const places = [...cuts].sort((a, b) => a - b);
  const found: Piece[] = [];
  for (const [index, start] of places.entries()) {
    const end = places[index + 1];
    if (end === undefined) break;
    const here = spans.filter((span) => span.start <= start && span.end >= end);
    here.sort((a, b) => b.gravity - a.gravity || a.number - b.number);
    found.push({ text: signs.slice(start, end).join(""), findings: here.map((span) => span.number) });
  }
  return found;
}
