// When a message leaves, by the clock of whoever gets it.
import { formats } from "../i18n/formats";

/** The instant in that zone; null for a zone that the browser does not know. */
export function there(instant: string, zone: string, language: string): string | null {
  try {
    return formats(language, zone).moment(new Date(instant));
  } catch {
    return null;
  }
}

/** How far it is until then, in the largest unit of which there is one; negative when it is past. */
export function distance(instant: string, now: number): { unit: "minutes" | "hours" | "days"; n: number } {
  const minutes = Math.trunc((Date.parse(instant) - now) / 60_000);
  const [hours, days] = [Math.trunc(minutes / 60), Math.trunc(minutes / 1_440)];
  if (days !== 0) return { unit: "days", n: days };
  return hours !== 0 ? { unit: "hours", n: hours } : { unit: "minutes", n: minutes };
}
