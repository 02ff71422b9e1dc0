// The height of a chart, in whole numbers: counts, and amounts in 10^-12 dollars.

/** Leading digits of a scale whose half is as easy to read. */
const STEPS = [1n, 2n, 4n, 6n, 8n, 10n];

/** A round number that no value is above; 0 for no values. */
export function top(values: bigint[]): bigint {
  const most = values.reduce((most, one) => (one > most ? one : most), 0n);
  if (most === 0n) return 0n;
  let unit = 1n;
  while (unit * 10n < most) unit *= 10n;
  return (STEPS.find((step) => step * unit >= most) ?? 10n) * unit;
}

/** Lines to read the chart by, from the highest down: the top, and its half where that is a whole number. */
export function ticks(top: bigint): bigint[] {
  if (top === 0n) return [];
  return top % 2n === 0n ? [top, top / 2n] : [top];
}

/** In thousandths of the top, and never nothing for something. */
export function height(value: bigint, top: bigint): number {
  if (top === 0n || value === 0n) return 0;
  const share = Number((value * 1000n) / top);
  return Math.max(share, 8);
}
