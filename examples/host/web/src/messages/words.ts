// How a message's status looks.
import type { Schemas } from "../api/client";
import type { Tone } from "../ui/parts";

export const STATUS_TONES: Record<Schemas["Status"], Tone> = {
  draft: "neutral",
  pending_approval: "info",
  approved: "good",
  claimed: "good",
  sending: "good",
  sent: "good",
  delivered: "good",
  failed: "bad",
  uncertain: "warn",
  rejected: "neutral",
  cancelled: "neutral",
  expired: "warn",
};

/** Whether it may still change by itself. */
export function moves(status: Schemas["Status"]): boolean {
  return !["sent", "delivered", "cancelled", "expired"].includes(status);
}
