// A campaign, to be written. What is typed stays whatever the host answers; what it says of a field stands beside it.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState, type ReactNode, type SyntheticEvent } from "react";

import { api, newKey, told } from "../api/client";
import { asFailure, type Failure } from "../api/failure";
import { useSay } from "../i18n";
import { Field } from "../people/field";
import { Card, Notice, Problem } from "../ui/parts";
import { ArmsPart } from "./arms-part";
import { ChannelsPart } from "./channels-part";
import { bodyOf, changesOf, draftOf, EMPTY, fieldOf, shownFields, type Body, type Draft } from "./draft";
import type { Part } from "./part";
import { TextPart } from "./text-part";
import { TimesPart } from "./times-part";
import { WhenPart } from "./when-part";
import { WhomPart } from "./whom-part";
import type { Campaign } from "./words";

async function send(before: Campaign | null, body: Body, key: string): Promise<Campaign> {
  const header = { "Idempotency-Key": key };
  if (before === null) return told(api.POST("/api/campaigns", { params: { header }, body }));
  return told(api.PUT("/api/campaigns/{id}", { params: { path: { id: before.id }, header }, body }));
}

function AboutPart({ draft, set, wrong }: Part) {
  const { t } = useSay();
  return (
    <Card title={t.campaigns.part.about}>
      <div className="form">
        <Field label={t.create.name} error={wrong("name")}>
          {(described) => (
            <input
              name="name"
              required
              maxLength={200}
              autoComplete="off"
              value={draft.name}
              onChange={(event) => set({ name: event.target.value })}
              {...described}
            />
          )}
        </Field>
        <div className="field-pair">
          <Field label={t.create.occasion} error={wrong("occasion_type")}>
            {(described) => (
              <select
                name="occasion"
                value={draft.occasion}
                onChange={(event) => set({ occasion: event.target.value as Draft["occasion"] })}
                {...described}
              >
                {Object.entries(t.occasion).map(([value, name]) => (
                  <option key={value} value={value}>
                    {name}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field label={t.campaigns.description} error={wrong("description")}>
            {(described) => (
              <textarea
                name="description"
                rows={1}
                maxLength={2000}
                value={draft.description}
                onChange={(event) => set({ description: event.target.value })}
                {...described}
              />
            )}
          </Field>
        </div>
      </div>
    </Card>
  );
}

function Conflict({ at, onMine, onTheirs }: { at: string; onMine: () => void; onTheirs: () => void }) {
  const { t, fill, moment } = useSay();
  const words = t.campaigns.changed;
  return (
    <div role="alert">
      <Notice tone="warn" title={fill(words.title, { at: moment(at) })}>
        <p>{words.hint}</p>
        <div className="actions">
          <button type="button" className="button button-small" onClick={onMine}>
            {words.mine}
          </button>
          <button type="button" className="button button-small" onClick={onTheirs}>
            {words.theirs}
          </button>
        </div>
      </Notice>
    </div>
  );
}

/** What is said of fields that are shown, and what has no place beside one. */
function placed(failure: Failure | null, draft: Draft) {
  const shown = shownFields(draft);
  const beside = new Map<string, string>();
  let rest = failure !== null && failure.fields.length === 0;
  for (const { field, message } of failure?.fields ?? []) {
    const name = fieldOf(field);
    if (shown.has(name)) beside.set(name, message);
    else rest = true;
  }
  return { beside, rest };
}

export function CampaignForm({
  campaign,
  back,
  onSaved,
  onTheirs,
}: {
  campaign: Campaign | null;
  back: ReactNode;
  onSaved: (campaign: Campaign) => void;
  /** Begins anew with what somebody else saved. */
  onTheirs: (campaign: Campaign) => void;
}) {
  const { t } = useSay();
  const client = useQueryClient();
  // As it was opened: only what differs from it is sent.
  const [before] = useState(campaign);
  const [seen, setSeen] = useState(campaign);
  const [now, setNow] = useState<Campaign | null>(null);
  const [draft, setDraft] = useState<Draft>(() => (campaign ? draftOf(campaign) : EMPTY));
  const [key, setKey] = useState(newKey);
  const form = useRef<HTMLFormElement>(null);
  const save = useMutation({
    mutationFn: (body: Body) => send(before, body, key),
    onSuccess: async (saved) => {
      client.setQueryData(["campaign", saved.id], saved);
      onSaved(saved);
      await client.invalidateQueries({ queryKey: ["campaigns"] });
    },
    onError: async (error) => {
      // An answer that got lost is asked for again with the same key; what is mended is another request.
      if (!asFailure(error).passes) setKey(newKey());
      if (before === null || asFailure(error).kind !== "conflict") return;
      const path = { id: before.id };
      setNow(await told(api.GET("/api/campaigns/{id}", { params: { path } })).catch(() => null));
    },
  });
  const failure = save.error ? asFailure(save.error) : null;
  const { beside, rest } = placed(failure, draft);
  useEffect(() => {
    if (!failure) return;
    const wrong = form.current?.querySelector<HTMLElement>("[aria-invalid=true]");
    if (wrong) wrong.focus();
    else form.current?.querySelector("[role=alert]")?.scrollIntoView({ block: "center" });
  }, [failure, now]);
  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (save.isPending) return;
    if (!before || !seen) return save.mutate(bodyOf(draft));
    save.mutate({ ...changesOf(draft, draftOf(before)), version: seen.version });
  };
  const part: Part = {
    draft,
    set: (change) => setDraft((old) => ({ ...old, ...change })),
    wrong: (field) => beside.get(field),
  };
  return (
    <form ref={form} className="form campaign-form" onSubmit={submit}>
      <AboutPart {...part} />
      <WhomPart {...part} />
      <WhenPart {...part} />
      <TimesPart {...part} />
      <ChannelsPart {...part} />
      <TextPart {...part} />
      <ArmsPart {...part} />
      {now && failure?.kind === "conflict" ? (
        <Conflict
          at={now.updated_at}
          onMine={() => {
            setSeen(now);
            setNow(null);
            save.reset();
          }}
          onTheirs={() => onTheirs(now)}
        />
      ) : failure && rest ? (
        <Problem error={failure} />
      ) : failure ? (
        <p className="hidden" role="alert">
          {t.failure.invalid.title}
        </p>
      ) : null}
      <div className="form-actions people-save">
        {back}
        <button
          type="submit"
          className="button button-primary"
          aria-disabled={save.isPending}
          aria-busy={save.isPending}
        >
          {campaign ? t.campaigns.save : t.create.submit}
        </button>
      </div>
    </form>
  );
}
