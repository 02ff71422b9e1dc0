// What is asked before a decision that takes a sentence.
import { useSay } from "../i18n";
import { Ask, type Asked } from "./ask";
import type { Trouble } from "./desk";

/** What lies above the inbox. */
export type Asks = "reject" | "regenerate" | "override" | "help" | "bulk-approve" | "bulk-reject" | null;

export function Questions({
  asks,
  busy,
  trouble,
  backTo,
  onNo,
  onReject,
  onRegenerate,
  onOverride,
}: {
  asks: Asks;
  busy: boolean;
  trouble: Trouble | null;
  backTo: () => HTMLElement | null;
  onNo: () => void;
  onReject: (reason: string) => void;
  onRegenerate: (instruction: string) => void;
  onOverride: (reason: string) => void;
}) {
  const { t } = useSay();
  const words = t.inbox.ask;
  if (asks !== "reject" && asks !== "regenerate" && asks !== "override") return null;
  const all: Record<typeof asks, [Asked, (text: string) => void]> = {
    reject: [
      {
        title: words.reject,
        hint: words.rejectHint,
        label: words.reason,
        offers: Object.values(t.inbox.reasons),
        required: false,
        yes: t.inbox.deed.reject,
        dangerous: true,
      },
      onReject,
    ],
    regenerate: [
      {
        title: words.regenerate,
        hint: words.regenerateHint,
        label: words.instruction,
        offers: Object.values(t.inbox.wishes),
        required: false,
        yes: t.inbox.deed.regenerate,
        dangerous: false,
      },
      onRegenerate,
    ],
    override: [
      {
        title: words.override,
        hint: words.overrideHint,
        label: words.overrideReason,
        offers: [],
        required: true,
        yes: t.inbox.deed.approve,
        dangerous: true,
      },
      onOverride,
    ],
  };
  const [asked, onYes] = all[asks];
  return (
    <Ask
      key={asks}
      asked={asked}
      busy={busy}
      error={trouble?.error ?? null}
      onYes={onYes}
      onNo={onNo}
      backTo={backTo}
    />
  );
}
