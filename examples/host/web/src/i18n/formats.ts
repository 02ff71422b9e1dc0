// How dates and numbers are written. Browsers know it, but for Uzbek in Latin letters: some of them have no more than
// its name, and would write "2026 M11 27".

const MONTHS = ["yan", "fev", "mar", "apr", "may", "iyn", "iyl", "avg", "sen", "okt", "noy", "dek"];

export interface Formats {
  /** The locale whose numbers and amounts look as they do in this language. */
  numbers: string;
  /** Date and time. */
  moment: (at: Date) => string;
  /** The date alone. */
  day: (at: Date) => string;
  /** The date without its year. */
  dayOfMonth: (at: Date) => string;
}

/** Of a language; by the clock of `zone`, or of whoever reads it. */
export function formats(language: string, zone?: string): Formats {
  const here = zone === undefined ? {} : { timeZone: zone };
  if (language === "uz-Latn") return { numbers: "uz-Cyrl", ...uzbek(here) };
  const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", ...here });
  const day = new Intl.DateTimeFormat(language, { dateStyle: "medium", ...here });
  const dayOfMonth = new Intl.DateTimeFormat(language, { day: "numeric", month: "long", ...here });
  return {
    numbers: language,
    moment: (at) => moment.format(at),
    day: (at) => day.format(at),
    dayOfMonth: (at) => dayOfMonth.format(at),
  };
}

function uzbek(here: Intl.DateTimeFormatOptions): Omit<Formats, "numbers"> {
  const parts = new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "numeric",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    ...here,
  });
  const read = (at: Date) => {
    const found = new Map(parts.formatToParts(at).map(({ type, value }) => [type, value]));
    const part = (type: Intl.DateTimeFormatPartTypes) => found.get(type) ?? "";
    const month = MONTHS[Number(part("month")) - 1] ?? "";
    const short = `${Number(part("day"))}-${month}`;
    return { short, date: `${short}, ${part("year")}`, time: `${part("hour")}:${part("minute")}` };
  };
  return {
    moment: (at) => {
      const { date, time } = read(at);
      return `${date}, ${time}`;
    },
    day: (at) => read(at).date,
    dayOfMonth: (at) => read(at).short,
  };
}
