// One line that always has its place: what was decided last, how long it can be taken back, and what went wrong.
import { useSay, type Say } from "../i18n";
import { Icon } from "../ui/icon";
import { useNow } from "./clock";
import { past } from "./facts";
import { useNames } from "./queries";
import { useLastDecision, type Decision } from "./undo";
import type { Winner } from "./deeds";

/** Farther away than this it is told when, and not how long it takes (ms). */
const SOON = 120_000;

function whom(decision: Decision, { t, count }: Say): string {
  return decision.name || count(decision.steps.length, t.inbox.counted.drafts);
}

/** What became of it: never changes by itself, so that it may be read out. */
export function told(decision: Decision, say: Say): string {
  return say.fill(say.t.inbox.done[decision.deed], { name: whom(decision, say) });
}

function Leaves({ at }: { at: number }) {
  const { t, fill, count, moment } = useSay();
  const now = useNow(500);
  const left = Math.ceil((at - now) / 1_000);
  const words = t.inbox.done;
  if (left <= 0) return <span className="strip-left">{words.left}</span>;
  if (at - now > SOON) {
    return (
      <span className="strip-left">{fill(words.leavesAt, { at: moment(new Date(at).toISOString()) })}</span>
    );
  }
  const time = count(left, t.inbox.counted.seconds);
  return <span className="strip-left">{fill(words.leavesIn, { time })}</span>;
}

export function useRace(): (winner: Winner | null) => string {
  const { t, fill, moment } = useSay();
  const say = useSay();
  const name = useNames();
  return (winner) => {
    if (!winner) return t.inbox.failed.conflictUnknown;
    const system = winner.role === "system" ? t.messages.page.worker : t.inbox.detail.byNobody;
    return fill(t.inbox.failed.conflict, {
      who: name(winner.who) ?? system,
      deed: past(winner.action, say).toLocaleLowerCase(say.language),
      at: moment(winner.at),
    });
  };
}

/** What is shown as long as nothing was decided. */
const HINTS = [
  ["J", "down"],
  ["K", "up"],
  ["A", "approve"],
  ["E", "edit"],
  ["S", "skip"],
  ["X", "select"],
] as const;

export function Strip({
  busy,
  decides,
  onUndo,
  onHelp,
}: {
  busy: boolean;
  decides: boolean;
  onUndo: () => void;
  onHelp: () => void;
}) {
  const say = useSay();
  const { t } = say;
  const last = useLastDecision();
  return (
    <div className="strip">
      {last ? (
        <p className="strip-last" data-undo={last.deed}>
          <Icon name={last.deed === "reject" ? "stop" : "check"} />
          <span className="strip-told">{told(last, say)}</span>
          {last.leaves === null ? null : <Leaves at={last.leaves} />}
          <button type="button" className="button button-small" disabled={busy} onClick={onUndo}>
            {t.inbox.deed.undo} <kbd>U</kbd>
          </button>
        </p>
      ) : (
        <p className="strip-keys" aria-hidden="true">
          {HINTS.filter(([, name]) => decides || name === "down" || name === "up").map(([key, name]) => (
            <span key={key}>
              <kbd>{key}</kbd> {t.inbox.help[name]}
            </span>
          ))}
        </p>
      )}
      <button type="button" className="strip-help" onClick={onHelp}>
        {t.inbox.inbox.keys} <kbd>?</kbd>
      </button>
    </div>
  );
}
