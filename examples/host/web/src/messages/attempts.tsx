// What was handed to a provider, how that ended, and what the provider said of it since.
import { queryOptions, useQuery } from "@tanstack/react-query";

import { api, told } from "../api/client";
import { useSay, word } from "../i18n";
import { Badge, Card, Loading, Problem, type Tone } from "../ui/parts";

function attemptsQuery(id: string) {
  return queryOptions({
    queryKey: ["message", id, "attempts"],
    queryFn: () => told(api.GET("/api/messages/{id}/attempts", { params: { path: { id } } })),
  });
}

const TONES: Record<string, Tone> = {
  accepted: "good",
  dead: "bad",
  rejected: "bad",
  retry_after: "warn",
  stop: "warn",
  unknown: "warn",
};

export function AttemptsCard({ id }: { id: string }) {
  const { t, fill, moment, number } = useSay();
  const words = t.messages.page;
  const found = useQuery(attemptsQuery(id));
  return (
    <Card title={words.attempts}>
      {found.isPending ? <Loading lines={2} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data?.length === 0 ? <p className="faint">{words.noAttempts}</p> : null}
      <ol className="pasts">
        {found.data?.map((one) => (
          <li key={one.id} className="past" data-outcome={one.outcome ?? "open"}>
            <p className="past-head">
              <strong>{fill(words.attempt, { n: number(one.number) })}</strong>
              <time dateTime={one.started_at}>{moment(one.started_at)}</time>
              <Badge tone={TONES[one.outcome ?? ""] ?? "neutral"}>
                {word(t.messages.outcome, one.outcome ?? "open")}
              </Badge>
            </p>
            {one.reason ? <p className="past-why">{fill(words.reason, { reason: one.reason })}</p> : null}
            {one.provider_id ? (
              <p className="faint">
                {words.providerId}: <code>{one.provider_id}</code>
              </p>
            ) : null}
            {one.receipts.length > 0 ? (
              <ul className="receipts" aria-label={words.receipts}>
                {one.receipts.map((receipt, index) => (
                  <li key={index}>
                    {word(t.messages.fate, receipt.fate)}
                    {receipt.reason ? `: ${receipt.reason}` : null}
                    <time dateTime={receipt.at ?? receipt.received_at}>
                      {moment(receipt.at ?? receipt.received_at)}
                    </time>
                  </li>
                ))}
              </ul>
            ) : null}
          </li>
        ))}
      </ol>
    </Card>
  );
}
