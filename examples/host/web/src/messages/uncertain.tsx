// Many messages in doubt at once: chosen, looked at once more, and decided about together.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, newKey, told, type Schemas } from "../api/client";
import { useSay } from "../i18n";
import { Confirm } from "../ui/confirm";
import { Badge, Loading, Notice, Problem } from "../ui/parts";

type Message = Schemas["Message"];
type Outcome = "sent" | "resend" | "failed";

const OUTCOMES: Outcome[] = ["sent", "resend", "failed"];
const TITLES = { sent: "titleSent", resend: "titleResend", failed: "titleFailed" } as const;
const BODIES = { sent: "bodySent", resend: "bodyResend", failed: "bodyFailed" } as const;

export function nameOf(message: Message): string {
  return message.contact?.name ?? message.recipient;
}

interface Asked {
  outcome: Outcome;
  messages: Message[];
  key: string;
}

function useResolve(asked: Asked | null, reason: string, onDone: (result: Schemas["BulkResult"]) => void) {
  const client = useQueryClient();
  const action = `resolve_${asked?.outcome ?? "sent"}`;
  const ids = asked?.messages.map((one) => one.id) ?? [];
  // What was shown is what is decided about: it is not asked for again, whatever happens meanwhile.
  const seen = useQuery({
    queryKey: ["bulk", action, asked?.key],
    queryFn: () => told(api.POST("/api/messages/bulk/preview", { body: { action, ids } })),
    enabled: (query) => asked !== null && query.state.data === undefined,
    gcTime: 0,
  });
  const decide = useMutation({
    mutationFn: (manifest: string) =>
      told(
        api.POST("/api/messages/bulk", {
          params: { header: { "Idempotency-Key": asked?.key ?? newKey() } },
          body: { action, ids, manifest, ...(reason ? { reason } : {}) },
        }),
      ),
    onSuccess: onDone,
    onSettled: () => client.invalidateQueries({ queryKey: ["messages"] }),
  });
  return { seen, decide };
}

function Result({ result, names }: { result: Schemas["BulkResult"]; names: ReadonlyMap<string, string> }) {
  const { t, fill, number } = useSay();
  const all = result.applied + result.skipped + result.failed;
  return (
    <Notice tone={result.applied === all ? "good" : "warn"}>
      <p>{fill(t.office.uncertain.done, { done: number(result.applied), all: number(all) })}</p>
      <ul>
        {result.items.map((item) => (
          <li key={item.id} data-outcome={item.outcome}>
            {names.get(item.id) ?? item.id} <span lang="en">{item.detail}</span>
          </li>
        ))}
      </ul>
    </Notice>
  );
}

export function Doubtful({
  messages,
  picked,
  onPick,
}: {
  messages: Message[];
  /** Of the messages on this page. */
  picked: ReadonlySet<string>;
  onPick: (ids: Set<string>) => void;
}) {
  const { t, fill, number, count } = useSay();
  const words = t.office.uncertain;
  const ways = t.messages.resolve;
  const [asked, setAsked] = useState<Asked | null>(null);
  const [reason, setReason] = useState("");
  const [done, setDone] = useState<{ result: Schemas["BulkResult"]; names: Map<string, string> } | null>(
    null,
  );
  const chosen = messages.filter((one) => picked.has(one.id));
  const all = messages.length > 0 && chosen.length === messages.length;
  const { seen, decide } = useResolve(asked, reason.trim(), (result) => {
    setDone({ result, names: new Map(asked?.messages.map((one) => [one.id, nameOf(one)])) });
    setAsked(null);
    setReason("");
    onPick(new Set());
  });
  const gone = asked && seen.data ? asked.messages.length - seen.data.count : 0;
  const n = count(seen.data?.count ?? asked?.messages.length ?? 0, t.office.counted.messages);
  return (
    <>
      <div role="status" className="notices">
        {done ? <Result result={done.result} names={done.names} /> : null}
      </div>
      {messages.length > 0 ? (
        <div className="doubts" role="group" aria-label={t.office.nav.uncertain}>
          <p className="faint">{words.hint}</p>
          <label className="doubts-all">
            <input
              type="checkbox"
              checked={all}
              onChange={() => onPick(new Set(all ? [] : messages.map((one) => one.id)))}
            />
            {words.all}
          </label>
          <span className="doubts-count" role="status">
            {chosen.length > 0 ? fill(words.selected, { n: number(chosen.length) }) : ""}
          </span>
          <div className="actions">
            {OUTCOMES.map((outcome) => (
              <button
                key={outcome}
                type="button"
                className={outcome === "resend" ? "button button-small button-danger" : "button button-small"}
                data-resolve-many={outcome}
                disabled={chosen.length === 0}
                onClick={() => {
                  setDone(null);
                  setAsked({ outcome, messages: chosen, key: newKey() });
                }}
              >
                {ways[outcome]}
              </button>
            ))}
          </div>
        </div>
      ) : null}
      <Confirm
        question={
          asked
            ? {
                title: fill(words[TITLES[asked.outcome]], { n }),
                body: words[BODIES[asked.outcome]],
                yes: ways[asked.outcome],
                dangerous: asked.outcome === "resend",
              }
            : null
        }
        busy={decide.isPending}
        ready={seen.data !== undefined && seen.data.count > 0}
        error={decide.error}
        onYes={() => seen.data && decide.mutate(seen.data.manifest)}
        onNo={() => {
          setAsked(null);
          decide.reset();
        }}
      >
        {seen.isLoading ? <Loading lines={2} /> : null}
        {seen.error ? <Problem error={seen.error} retry={() => void seen.refetch()} /> : null}
        {gone > 0 ? (
          <p>
            <Badge tone="neutral">{words.gone}</Badge> {number(gone)}
          </p>
        ) : null}
        {asked ? (
          <p className="doubts-names">
            {asked.messages.slice(0, 12).map(nameOf).join(", ")}
            {asked.messages.length > 12 ? ` +${number(asked.messages.length - 12)}` : ""}
          </p>
        ) : null}
        <label className="field">
          <span className="field-label">{ways.reason}</span>
          <input
            name="reason"
            value={reason}
            maxLength={500}
            autoComplete="off"
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        </label>
      </Confirm>
    </>
  );
}
