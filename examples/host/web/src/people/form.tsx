// Everything that is known about a contact, to be written. What is typed stays whatever the host answers.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState, type ReactNode, type SyntheticEvent } from "react";

import { api, newKey, told } from "../api/client";
import { asFailure } from "../api/failure";
import { useSay } from "../i18n";
import { Card, Loading, Problem } from "../ui/parts";
import {
  bodyOf,
  changesOf,
  customFields,
  customValue,
  moved,
  type Body,
  type Definition,
  type Value,
} from "./body";
import { Changed } from "./changed";
import { ConsentField } from "./consent-field";
import { CUSTOM, CustomFields } from "./custom-fields";
import { FactFields } from "./fact-fields";
import { fieldsQuery } from "./queries";
import { TagsField } from "./tags";
import type { Contact } from "./words";

function shownFields(
  form: FormData,
  definitions: Definition[],
  before: Contact | null,
): Map<string, Value | null> {
  const types = new Map(definitions.map((one) => [one.name, one.type]));
  const shown = new Map<string, Value | null>();
  for (const [key, value] of form) {
    if (!key.startsWith(CUSTOM) || typeof value !== "string") continue;
    const name = key.slice(CUSTOM.length);
    const old: unknown = before?.custom_fields[name];
    const loose =
      typeof old === "number" || typeof old === "boolean" ? (typeof old as "number" | "boolean") : undefined;
    shown.set(name, customValue(value.trim(), types.get(name) ?? loose));
  }
  return shown;
}

async function send(id: string | null, body: Body, key: string): Promise<Contact> {
  const header = { "Idempotency-Key": key };
  if (id === null) return told(api.POST("/api/contacts", { params: { header }, body }));
  return told(api.PUT("/api/contacts/{id}", { params: { path: { id }, header }, body }));
}

export function PersonForm(props: {
  contact: Contact | null;
  back: ReactNode;
  onSaved: (contact: Contact) => void;
}) {
  const definitions = useQuery(fieldsQuery);
  if (definitions.isPending) return <Loading lines={10} />;
  if (definitions.error && !definitions.data) {
    return <Problem error={definitions.error} retry={() => void definitions.refetch()} />;
  }
  return <Form {...props} definitions={definitions.data?.items ?? []} />;
}

function Form({
  contact,
  definitions,
  back,
  onSaved,
}: {
  contact: Contact | null;
  definitions: Definition[];
  back: ReactNode;
  onSaved: (contact: Contact) => void;
}) {
  const { t } = useSay();
  const client = useQueryClient();
  // What was there when the form was opened: only what differs from it is sent.
  const [before] = useState(contact);
  // What somebody else made of it since, and whether that was seen.
  const [now, setNow] = useState<Contact | null>(null);
  const [seen, setSeen] = useState(contact);
  const [tags, setTags] = useState(contact?.tags ?? []);
  const [consents, setConsents] = useState(contact?.consent ?? []);
  const [key, setKey] = useState(newKey);
  const save = useMutation({
    mutationFn: (body: Body) => send(before?.id ?? null, body, key),
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: ["contacts"] });
      client.setQueryData(["contact", saved.id], saved);
      onSaved(saved);
    },
    onError: async (error) => {
      // An answer that got lost is asked for again with the same key; what is mended is another request.
      if (!asFailure(error).passes) setKey(newKey());
      if (before === null || asFailure(error).kind !== "conflict") return;
      const path = { id: before.id };
      setNow(await told(api.GET("/api/contacts/{id}", { params: { path } })).catch(() => null));
    },
  });
  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const body = bodyOf(form, before);
    body.tags = tags;
    body.consent = consents;
    const shown = shownFields(form, definitions, before);
    body.custom_fields = customFields(before?.custom_fields ?? {}, shown);
    if (!before || !seen) return save.mutate(body);
    const changes = changesOf(body, before);
    if (changes.custom_fields)
      changes.custom_fields = moved(before.custom_fields, body.custom_fields, seen.custom_fields);
    save.mutate({ ...changes, version: seen.version });
  };
  const failure = save.error ? asFailure(save.error) : null;
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (!failure) return;
    const wrong = form.current?.querySelector<HTMLElement>("[aria-invalid=true]");
    if (wrong) wrong.focus();
    else form.current?.querySelector("[role=alert]")?.scrollIntoView({ block: "center" });
  }, [failure, now]);
  const errors = new Map(failure?.fields.map((one) => [one.field, one.message]));
  return (
    <form ref={form} className="form people-form" onSubmit={submit}>
      <Card title={t.people.form.facts}>
        <FactFields contact={contact} errors={errors} />
        <TagsField tags={tags} onChange={setTags} />
      </Card>
      <Card title={t.people.form.more}>
        <div className="stack">
          <CustomFields definitions={definitions} values={contact?.custom_fields ?? {}} />
          <ConsentField consents={consents} stored={contact?.consent ?? []} onChange={setConsents} />
        </div>
      </Card>
      {now && before && failure?.kind === "conflict" ? (
        <Changed
          before={before}
          now={now}
          onMine={() => {
            setSeen(now);
            setNow(null);
            save.reset();
          }}
        />
      ) : failure ? (
        <Problem error={failure} />
      ) : null}
      <div className="form-actions people-save">
        {back}
        <button
          type="submit"
          className="button button-primary"
          disabled={save.isPending}
          aria-busy={save.isPending}
        >
          {contact ? t.people.form.save : t.people.form.create}
        </button>
      </div>
    </form>
  );
}
