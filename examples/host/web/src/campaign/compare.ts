// What is known of a difference between two variants.
import type { Schemas } from "../api/client";

type Difference = Schemas["VariantDifference"];

export type Verdict = { is: "fewer" | "more"; low: number; high: number } | { is: "open" };

/** Certain only where chance is ruled out at all looks together, and the interval agrees. */
export function verdict({ p_value: p, low, high }: Pick<Difference, "p_value" | "low" | "high">): Verdict {
  if (p <= 0.05 && high < 0) return { is: "fewer", low: -high, high: -low };
  if (p <= 0.05 && low > 0) return { is: "more", low, high };
  return { is: "open" };
}
