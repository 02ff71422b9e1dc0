// Which contact is the same person, what is right of each, and what that comes to.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, newKey, told } from "../api/client";
import { useSay } from "../i18n";
import { Confirm } from "../ui/confirm";
import { Icon } from "../ui/icon";
import { Card, Loading, Notice, Problem } from "../ui/parts";
import { fieldLabel, fieldText } from "./facts-of";
import { CHOSEN, differs, together, type Chosen } from "./merging";
import { findQuery, personQuery } from "./queries";
import { useTyped } from "./typed";
import type { Contact } from "./words";

export function Finder({ not, onChoose }: { not: string; onChoose: (id: string) => void }) {
  const { t } = useSay();
  const typed = useTyped("", () => undefined);
  const found = useQuery(findQuery(typed.sent));
  const others = found.data?.items.filter((one) => one.id !== not) ?? [];
  return (
    <Card title={t.people.merge.whom}>
      <div className="stack">
        <form role="search" className="people-search" onSubmit={(event) => event.preventDefault()}>
          <Icon name="search" />
          <input
            type="search"
            aria-label={t.people.merge.search}
            placeholder={t.people.filter.searchHint}
            maxLength={200}
            autoComplete="off"
            value={typed.text}
            onChange={(event) => typed.type(event.target.value)}
          />
        </form>
        {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
        {typed.sent !== "" && found.isPending ? <Loading lines={3} /> : null}
        <p className="hidden" role="status">
          {found.data ? others.map((one) => one.name).join(", ") || t.people.merge.nobody : ""}
        </p>
        {found.data && others.length === 0 ? <p className="faint">{t.people.merge.nobody}</p> : null}
        <ul className="people-found">
          {typed.sent === ""
            ? null
            : others.map((one) => (
                <li key={one.id}>
                  <button type="button" onClick={() => onChoose(one.id)}>
                    <strong>{one.name}</strong>
                    <span className="row-hint">
                      {[one.email, one.phone, one.company].filter(Boolean).join(" · ")}
                    </span>
                  </button>
                </li>
              ))}
        </ul>
      </div>
    </Card>
  );
}

function Lines({
  kept,
  gone,
  take,
  onTake,
}: {
  kept: Contact;
  gone: Contact;
  take: ReadonlySet<Chosen>;
  onTake: (take: ReadonlySet<Chosen>) => void;
}) {
  const say = useSay();
  const { t } = say;
  const result = together(kept, gone, take);
  const choose = (name: Chosen, other: boolean) => {
    const next = new Set(take);
    if (other) next.add(name);
    else next.delete(name);
    onTake(next);
  };
  const side = (name: Chosen, contact: Contact, other: boolean) => (
    <label className="people-side">
      <input
        type="radio"
        name={name}
        checked={take.has(name) === other}
        onChange={() => choose(name, other)}
      />
      <span>{fieldText(contact, name, say)}</span>
    </label>
  );
  return (
    <table className="table table-stack people-merge" aria-label={t.people.merge.preview}>
      <thead>
        <tr>
          <th scope="col">{t.people.merge.field}</th>
          <th scope="col">{t.people.merge.kept}</th>
          <th scope="col">{t.people.merge.gone}</th>
          <th scope="col">{t.people.merge.result}</th>
        </tr>
      </thead>
      <tbody>
        {CHOSEN.map((name) => {
          const open = differs(kept, gone, name);
          const [mine, theirs] = [fieldText(kept, name, say), fieldText(gone, name, say)];
          if (!mine && !theirs) return null;
          return (
            <tr key={name} data-field={name}>
              <th scope="row">{fieldLabel(name, say)}</th>
              <td data-label={t.people.merge.kept}>{open ? side(name, kept, false) : mine || "—"}</td>
              <td data-label={t.people.merge.gone}>{open ? side(name, gone, true) : theirs || "—"}</td>
              <td data-label={t.people.merge.result} className="people-result">
                {fieldText(result, name, say)}
              </td>
            </tr>
          );
        })}
        {kept.tags.length + gone.tags.length > 0 ? (
          <tr data-field="tags">
            <th scope="row">{fieldLabel("tags", say)}</th>
            <td data-label={t.people.merge.kept}>{fieldText(kept, "tags", say) || "—"}</td>
            <td data-label={t.people.merge.gone}>{fieldText(gone, "tags", say) || "—"}</td>
            <td data-label={t.people.merge.result} className="people-result">
              {fieldText(result, "tags", say)}
            </td>
          </tr>
        ) : null}
      </tbody>
    </table>
  );
}

export function Merge({
  kept,
  goneId,
  onOther,
  onDone,
}: {
  kept: Contact;
  goneId: string;
  onOther: () => void;
  onDone: () => void;
}) {
  const { t, fill } = useSay();
  const client = useQueryClient();
  const found = useQuery(personQuery(goneId));
  const [take, setTake] = useState<ReadonlySet<Chosen>>(new Set());
  // What was seen when the question was asked, and nothing else, is agreed to.
  const [asked, setAsked] = useState<{ key: string; version: number; other: number } | null>(null);
  const gone = found.data;
  const merge = useMutation({
    mutationFn: (seen: NonNullable<typeof asked>) =>
      told(
        api.POST("/api/contacts/{id}/merge", {
          params: { path: { id: kept.id }, header: { "Idempotency-Key": seen.key } },
          body: {
            contact_id: goneId,
            take: [...take],
            version: seen.version,
            contact_version: seen.other,
          },
        }),
      ),
    onSuccess: async () => {
      await client.invalidateQueries();
      setAsked(null);
      onDone();
    },
    // What was shown is not what is there any more: it is looked at again before it is agreed to.
    onError: () => void client.invalidateQueries({ queryKey: ["contact"] }),
  });
  if (found.isPending) return <Loading lines={8} />;
  if (found.error && !gone) return <Problem error={found.error} retry={() => void found.refetch()} />;
  if (!gone) return null;
  const possible = !gone.merged_into && gone.id !== kept.id;
  return (
    <>
      <Card
        title={fill(t.people.merge.into, { gone: gone.name, kept: kept.name })}
        aside={
          <button type="button" className="button button-small" onClick={onOther}>
            {t.people.merge.other}
          </button>
        }
      >
        <div className="stack">
          <p className="faint">{t.people.merge.hint}</p>
          <Lines kept={kept} gone={gone} take={take} onTake={setTake} />
          <Notice tone="warn">
            <p>{t.people.merge.also}</p>
          </Notice>
          <div className="form-actions">
            <button
              type="button"
              className="button button-danger"
              data-action="merge"
              disabled={!possible}
              onClick={() => setAsked({ key: newKey(), version: kept.version, other: gone.version })}
            >
              {t.people.merge.open}
            </button>
          </div>
        </div>
      </Card>
      <Confirm
        question={
          asked === null
            ? null
            : {
                title: t.people.merge.title,
                body: fill(t.people.merge.body, { gone: gone.name, kept: kept.name }),
                yes: t.people.merge.yes,
                dangerous: true,
              }
        }
        busy={merge.isPending}
        error={merge.error}
        onYes={() => asked !== null && merge.mutate(asked)}
        onNo={() => {
          setAsked(null);
          merge.reset();
        }}
      />
    </>
  );
}
