// Amounts of money. The API writes them as exact decimal text; they are never floating-point numbers here.

/** How many units of the smallest amount a dollar has: 10^12. */
const DIGITS = 12;
const FORM = /^(\d+)(?:\.(\d{1,12}))?$/;

/** Whole numbers of 10^-12 dollars. Null for what is no amount. */
export function picodollars(text: string): bigint | null {
  const parts = FORM.exec(text);
  if (!parts) return null;
  return BigInt((parts[1] ?? "") + (parts[2] ?? "").padEnd(DIGITS, "0"));
}

/** The amount as people of that language write it, every digit of it. */
export function shown(text: string, locale: string): string {
  if (!FORM.test(text)) return text;
  const format = new Intl.NumberFormat(locale, {
    style: "currency",
    currency: "USD",
    currencyDisplay: "narrowSymbol",
    minimumFractionDigits: 2,
    maximumFractionDigits: DIGITS,
  });
  // Text keeps all its digits on the way; a number would not.
  return format.format(text as `${number}`);
}

/** Which part of `whole` the amount is, in thousandths: for bars, which need no more. */
export function thousandths(part: string, whole: string): number {
  const [some, all] = [picodollars(part), picodollars(whole)];
  if (some === null || all === null || all === 0n) return 0;
  const share = (some * 1000n) / all;
  // Little is seen, and is not nothing.
  if (share === 0n && some > 0n) return 1;
  return Number(share > 1000n ? 1000n : share);
}

/** The decimal text of an amount, as the API writes it. */
export function dollars(amount: bigint): string {
  const digits = amount.toString().padStart(DIGITS + 1, "0");
  const fraction = digits.slice(-DIGITS).replace(/0+$/u, "").padEnd(2, "0");
  return `${digits.slice(0, -DIGITS)}.${fraction}`;
}

/** The exact sum. Null when one of them is no amount. */
export function sum(amounts: string[]): string | null {
  let total = 0n;
  for (const text of amounts) {
    const amount = picodollars(text);
    if (amount === null) return null;
    total += amount;
  }
  return dollars(total);
}

/** Whether `a` is less than `b`; false when one of them is no amount. */
export function less(a: string, b: string): boolean {
  const [first, second] = [picodollars(a), picodollars(b)];
  return first !== null && second !== null && first < second;
}
