// A message of which nobody knows whether it left: a person looks at the provider and says.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, newKey, told, type Schemas } from "../api/client";
import { useSay } from "../i18n";
import { Confirm } from "../ui/confirm";
import { Card } from "../ui/parts";

type Outcome = "sent" | "resend" | "failed";

const HINTS = { sent: "sentHint", resend: "resendHint", failed: "failedHint" } as const;
const ASKS = { sent: "askSent", resend: "askResend", failed: "askFailed" } as const;
const WARNS = { sent: "warnSent", resend: "warnResend", failed: "warnFailed" } as const;

export function ResolveCard({ message, onDone }: { message: Schemas["Message"]; onDone: () => void }) {
  const { t, fill } = useSay();
  const words = t.messages.resolve;
  const client = useQueryClient();
  const [asked, setAsked] = useState<{ outcome: Outcome; key: string } | null>(null);
  const [reason, setReason] = useState("");
  const name = message.contact?.name ?? message.recipient;
  const settle = useMutation({
    mutationFn: ({ outcome, key }: { outcome: Outcome; key: string }) =>
      told(
        api.POST("/api/messages/{id}/resolve", {
          params: { path: { id: message.id }, header: { "Idempotency-Key": key } },
          body: { outcome, ...(reason.trim() ? { reason: reason.trim() } : {}) },
        }),
      ),
    onSuccess: async () => {
      setAsked(null);
      onDone();
      await client.invalidateQueries({ queryKey: ["message", message.id] });
    },
    onError: () => void client.invalidateQueries({ queryKey: ["message", message.id] }),
  });
  return (
    <Card title={words.title}>
      <div className="stack">
        <p>{words.body}</p>
        <label className="field">
          <span className="field-label">{words.reason}</span>
          <input
            name="reason"
            value={reason}
            maxLength={500}
            onChange={(event) => setReason(event.currentTarget.value)}
          />
        </label>
        <ul className="ways">
          {(["sent", "resend", "failed"] as const).map((one) => (
            <li key={one}>
              <button
                type="button"
                className={one === "resend" ? "button button-danger" : "button"}
                data-resolve={one}
                onClick={() => setAsked({ outcome: one, key: newKey() })}
              >
                {words[one]}
              </button>
              <span className="faint">{words[HINTS[one]]}</span>
            </li>
          ))}
        </ul>
      </div>
      <Confirm
        question={
          asked
            ? {
                title: words[ASKS[asked.outcome]],
                body: fill(words[WARNS[asked.outcome]], { name }),
                yes: words[asked.outcome],
                dangerous: asked.outcome === "resend",
              }
            : null
        }
        busy={settle.isPending}
        error={settle.error}
        onYes={() => asked && settle.mutate(asked)}
        onNo={() => {
          setAsked(null);
          settle.reset();
        }}
      />
    </Card>
  );
}
