// Many drafts at once: first exactly what would be decided about, then what became of each.
import { Dialog } from "@base-ui/react/dialog";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";

import type { Schemas } from "../api/client";
import { useSay, word } from "../i18n";
import { Badge, Loading, Notice, Problem } from "../ui/parts";
import { decideMany, look, type Many } from "./deeds";
import type { Message } from "./order";

export interface Decided {
  action: Many;
  /** Those that were decided about, as they were before. */
  applied: Message[];
  at: number;
}

function Result({ result, names }: { result: Schemas["BulkResult"]; names: ReadonlyMap<string, string> }) {
  const { t, fill, number } = useSay();
  const words = t.inbox.bulk;
  const all = result.applied + result.skipped + result.failed;
  return (
    <div className="stack" role="status">
      <Notice tone={result.applied === all ? "good" : "warn"}>
        <p>{fill(words.done, { done: number(result.applied), all: number(all) })}</p>
      </Notice>
      {result.items.length > 0 ? (
        <ul className="outcomes">
          {result.items.map((item) => (
            <li key={item.id} data-outcome={item.outcome}>
              <Badge tone={item.outcome === "skipped" ? "neutral" : "bad"}>
                {item.outcome === "skipped" ? words.skipped : words.refused}
              </Badge>
              <span>
                {names.get(item.id) ?? words.gone}
                <span className="found-why" lang="en">
                  {item.detail}
                </span>
              </span>
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}

function Seen({
  seen,
  messages,
  action,
}: {
  seen: Schemas["BulkPreview"];
  messages: Message[];
  action: Many;
}) {
  const { t, fill, number, count } = useSay();
  const words = t.inbox.bulk;
  const gone = messages.length - seen.count;
  return (
    <div className="stack">
      {action === "approve" && seen.blocked > 0 ? (
        <Notice tone="warn">
          <p>{fill(words.blocked, { n: number(seen.blocked) })}</p>
        </Notice>
      ) : null}
      {gone > 0 ? (
        <p className="faint">
          {words.gone}: {number(gone)}
        </p>
      ) : null}
      {seen.findings.length > 0 ? (
        <ul className="outcomes">
          {seen.findings.map((one) => (
            <li key={`${one.rule} ${one.severity}`}>
              <Badge
                tone={one.severity === "blocking" ? "bad" : one.severity === "warning" ? "warn" : "info"}
              >
                {t.messages.severity[one.severity]}
              </Badge>
              <span>
                {word(t.messages.rule, one.rule)}: {count(one.messages, t.inbox.counted.messages)}
              </span>
            </li>
          ))}
        </ul>
      ) : (
        <p className="faint">{words.clean}</p>
      )}
      <ul className="names">
        {messages.slice(0, 12).map((one) => (
          <li key={one.id}>{one.contact?.name ?? one.recipient}</li>
        ))}
        {messages.length > 12 ? <li>+{number(messages.length - 12)}</li> : null}
      </ul>
    </div>
  );
}

export function Bulk({
  action,
  messages,
  onDone,
  onClose,
  backTo,
}: {
  action: Many;
  messages: Message[];
  onDone: (decided: Decided) => void;
  onClose: () => void;
  backTo: () => HTMLElement | null;
}) {
  const { t, fill, count, number } = useSay();
  const words = t.inbox.bulk;
  // Exactly those that were selected when it was asked for.
  const [chosen] = useState(messages);
  const [reason, setReason] = useState("");
  const yes = useRef<HTMLButtonElement>(null);
  const ids = chosen.map((one) => one.id);
  const seen = useQuery({
    queryKey: ["bulk", action, ids],
    queryFn: () => look(action, ids),
    // What was shown is what is decided about: it is not asked for again, whatever happens meanwhile.
    enabled: (query) => query.state.data === undefined,
    gcTime: 0,
  });
  const decide = useMutation({
    mutationFn: (manifest: string) => decideMany(action, ids, manifest, reason.trim()),
    onSuccess: (result) => {
      const left = new Set(result.items.map((item) => item.id));
      const known = result.applied + result.items.length >= ids.length;
      const applied = known ? chosen.filter((one) => !left.has(one.id)) : [];
      onDone({ action, applied, at: Date.now() });
    },
  });
  const names = new Map(chosen.map((one) => [one.id, one.contact?.name ?? one.recipient]));
  const n = count(seen.data?.count ?? chosen.length, t.inbox.counted.drafts);
  const title = fill(action === "approve" ? words.askApprove : words.askReject, { n });
  const asking = !decide.data;
  return (
    <Dialog.Root open onOpenChange={(open) => !open && !decide.isPending && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog" initialFocus={yes} finalFocus={backTo}>
          <Dialog.Title className="dialog-title">{title}</Dialog.Title>
          <Dialog.Description className="dialog-body">{words.look}</Dialog.Description>
          {seen.isPending ? <Loading lines={3} /> : null}
          {seen.error ? <Problem error={seen.error} retry={() => void seen.refetch()} /> : null}
          {seen.data && asking ? <Seen seen={seen.data} messages={chosen} action={action} /> : null}
          {asking && action === "reject" ? (
            <label className="field">
              <span className="field-label">{t.inbox.ask.reason}</span>
              <input
                value={reason}
                maxLength={500}
                onChange={(event) => setReason(event.currentTarget.value)}
              />
            </label>
          ) : null}
          {decide.data ? <Result result={decide.data} names={names} /> : null}
          {decide.error ? <Problem error={decide.error} /> : null}
          <div className="dialog-actions">
            <Dialog.Close className={asking ? "button" : "button button-primary"} disabled={decide.isPending}>
              {asking ? t.inbox.ask.go : words.close}
            </Dialog.Close>
            {asking ? (
              <button
                ref={yes}
                type="button"
                className={action === "reject" ? "button button-danger" : "button button-primary"}
                data-bulk="yes"
                aria-busy={decide.isPending}
                aria-disabled={!seen.data || decide.isPending}
                onClick={() => {
                  if (seen.data && seen.data.count > 0 && !decide.isPending)
                    decide.mutate(seen.data.manifest);
                }}
              >
                {fill(action === "approve" ? words.yesApprove : words.yesReject, {
                  n: number(
                    Math.max(
                      0,
                      (seen.data?.count ?? 0) - (action === "approve" ? (seen.data?.blocked ?? 0) : 0),
                    ),
                  ),
                })}
              </button>
            ) : null}
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
