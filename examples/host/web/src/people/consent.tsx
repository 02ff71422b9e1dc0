// Whether this person may be written to, and where not.
import { useQuery } from "@tanstack/react-query";

import { useSay, word } from "../i18n";
import { Badge, Card, Loading, Notice, Problem } from "../ui/parts";
import { suppressionsQuery } from "./queries";
import { channelName, type Contact } from "./words";

export function ConsentCard({ contact }: { contact: Contact }) {
  const say = useSay();
  const { t, day } = say;
  const found = useQuery(suppressionsQuery(contact.id));
  const closed = found.data?.items ?? [];
  return (
    <Card title={t.people.consent.title}>
      <div className="stack">
        {found.isPending ? <Loading lines={1} /> : null}
        {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
        {closed.map((one) => (
          <Notice
            key={`${one.channel} ${one.address}`}
            tone="bad"
            title={`${t.people.consent.suppressed}: ${channelName(one.channel, say)}`}
          >
            <p>
              {one.address ? `${one.address}, ` : ""}
              {word(t.people.consent.reasons, one.reason)}, {day(one.created_at)}
            </p>
          </Notice>
        ))}
        {contact.consent.length === 0 ? <p className="faint">{t.people.consent.none}</p> : null}
        {contact.consent.length > 0 ? (
          <ul className="people-words">
            {contact.consent.map((one) => (
              <li key={`${one.channel} ${one.topic}`}>
                <span>
                  {channelName(one.channel, say)} · {word(t.people.consent.topics, one.topic)}
                  <span className="row-hint">{[day(one.at), one.evidence].filter(Boolean).join(" · ")}</span>
                </span>
                <Badge tone={one.status === "opted_out" ? "bad" : "good"}>
                  {word(t.people.consent.statuses, one.status)}
                </Badge>
              </li>
            ))}
          </ul>
        ) : null}
        {found.data && closed.length === 0 ? <p className="faint">{t.people.consent.open}</p> : null}
      </div>
    </Card>
  );
}
