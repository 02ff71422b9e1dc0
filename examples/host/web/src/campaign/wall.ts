// Wall times of a time zone and the instants they mean, as the engine reads them: a time that comes twice means the
// first one, a time that is skipped means the first instant after the gap.

const MINUTE = 60_000;
const DAY = 86_400_000;

/** What the clocks of `zone` show at an instant, as if it were UTC (ms). */
function shownBy(at: number, zone: string): number {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  const found = new Map(format.formatToParts(new Date(at)).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes) => found.get(type) ?? 0;
  return Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"));
}

export function isZone(zone: string): boolean {
  try {
    return zone !== "" && new Intl.DateTimeFormat("en", { timeZone: zone }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

/** An instant as a field for wall times wants it, to the minute. */
export function wallIn(instant: string, zone: string): string {
  const at = Math.floor(Date.parse(instant) / MINUTE) * MINUTE;
  return new Date(shownBy(at, isZone(zone) ? zone : "UTC")).toISOString().slice(0, 16);
}

/** The instant at which the clocks of `zone` show this; of a zone that is not known, which the host refuses, UTC. */
export function instantOf(wall: string, zone: string): string {
  const shown = Date.parse(`${wall.slice(0, 16)}Z`);
  if (Number.isNaN(shown)) return wall;
  const said = (at: number) => `${new Date(at).toISOString().slice(0, 16)}:00Z`;
  if (!isZone(zone)) return said(shown);
  const before = shownBy(shown - DAY, zone) - (shown - DAY);
  const after = shownBy(shown + DAY, zone) - (shown + DAY);
  const fitting = [shown - before, shown - after].filter((at) => shownBy(at, zone) === shown);
  if (fitting.length > 0) return said(Math.min(...fitting));
  // In the gap: the instant at which the clocks were moved.
  let low = shown - after;
  let high = shown - before;
  while (high - low > MINUTE) {
    const middle = low + Math.floor((high - low) / 2 / MINUTE) * MINUTE;
    if (shownBy(middle, zone) - middle === after) high = middle;
    else low = middle;
  }
  return said(high);
}
