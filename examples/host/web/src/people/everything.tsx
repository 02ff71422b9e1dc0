// All that is kept about a person: to be given to them, and why campaigns did or did not write. That it was put together
// is noted in the record, so that it happens on a click and never by itself.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { api, told, type Schemas } from "../api/client";
import { save } from "../api/download";
import { useSay, word } from "../i18n";
import { Icon } from "../ui/icon";
import { Badge, Card, Notice, Problem } from "../ui/parts";
import { channelName, type Contact } from "./words";

type All = Schemas["SubjectAccess"];

/** A line of a plan, as the document has it. */
interface Plan {
  campaign_id: string;
  occurrence: string;
  channel: string;
  send_at: string | null;
  local_time: string | null;
  time_zone: string;
  excluded: string | null;
  message_id: string | null;
}

function plans(all: All): Plan[] {
  return (all.plans as unknown as Plan[]).toReversed();
}

function useEverything(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => told(api.GET("/api/contacts/{id}/everything", { params: { path: { id } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["contact", id, "events"] }),
  });
}

/** For the person: everything, as one file. */
export function DownloadAll({ contact }: { contact: Contact }) {
  const { t } = useSay();
  const found = useEverything(contact.id);
  return (
    <Card title={t.people.everything.title}>
      <div className="stack">
        <p className="faint">{t.people.everything.hint}</p>
        <div role="status">
          {found.isSuccess ? (
            <Notice tone="good">
              <p>{t.people.everything.done}</p>
            </Notice>
          ) : null}
        </div>
        {found.error ? <Problem error={found.error} /> : null}
        <button
          type="button"
          className="button button-small"
          disabled={found.isPending}
          aria-busy={found.isPending}
          onClick={() =>
            found.mutate(undefined, {
              onSuccess: (all) => {
                const file = new Blob([JSON.stringify(all, null, 2)], { type: "application/json" });
                save(file, `contact-${contact.id}.json`);
              },
            })
          }
        >
          <Icon name="download" />
          {t.people.everything.download}
        </button>
      </div>
    </Card>
  );
}

/** Why campaigns wrote, or did not. */
export function PlansCard({ contact }: { contact: Contact }) {
  const say = useSay();
  const { t, wall } = say;
  const found = useEverything(contact.id);
  const lines = found.data ? plans(found.data) : [];
  return (
    <Card title={t.people.plans.title}>
      <div className="stack">
        <p className="faint">{t.people.plans.hint}</p>
        {found.error ? <Problem error={found.error} /> : null}
        {found.data ? (
          lines.length === 0 ? (
            <p role="status" className="faint">
              {t.people.plans.empty}
            </p>
          ) : (
            <table className="table table-stack" aria-label={t.people.plans.title}>
              <thead>
                <tr>
                  <th scope="col">{t.people.plans.campaign}</th>
                  <th scope="col">{t.plan.when}</th>
                  <th scope="col">{t.plan.channel}</th>
                  <th scope="col">{t.plan.state}</th>
                </tr>
              </thead>
              <tbody>
                {lines.map((line) => (
                  <tr key={`${line.campaign_id} ${line.occurrence}`}>
                    <th scope="row">
                      <Link to="/campaigns/$id" params={{ id: line.campaign_id }} className="row-link">
                        {line.occurrence}
                      </Link>
                    </th>
                    <td data-label={t.plan.when}>
                      {line.local_time ? (
                        <>
                          {wall(line.local_time)} <span className="row-hint">{line.time_zone}</span>
                        </>
                      ) : (
                        "—"
                      )}
                    </td>
                    <td data-label={t.plan.channel}>{channelName(line.channel, say)}</td>
                    <td data-label={t.plan.state}>
                      {line.excluded ? (
                        <Badge tone="warn">{word(t.reason, line.excluded)}</Badge>
                      ) : (
                        <Badge tone={line.message_id ? "good" : "neutral"}>
                          {line.message_id ? t.plan.drafted : t.plan.planned}
                        </Badge>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        ) : (
          <button
            type="button"
            className="button button-small"
            disabled={found.isPending}
            aria-busy={found.isPending}
            onClick={() => found.mutate()}
          >
            {t.people.plans.look}
          </button>
        )}
      </div>
    </Card>
  );
}
