// A template, to be written. What the host does not understand of it is said beside the text.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState, type ReactNode, type SyntheticEvent } from "react";

import { api, newKey, told, type Schemas } from "../api/client";
import { asFailure } from "../api/failure";
import { useSay } from "../i18n";
import { Field } from "../people/field";
import { CONTACT_LANGUAGES } from "../people/search";
import { Problem } from "../ui/parts";
import type { Template } from "./queries";

type Body = Schemas["TemplateBody"];

const CHANNELS = ["email", "sms", "telegram", "whatsapp"];

function bodyOf(form: FormData): Body {
  const text = (name: string) => {
    const value = form.get(name);
    return typeof value === "string" ? value.trim() : "";
  };
  return {
    name: text("name"),
    occasion_type: text("occasion_type") as NonNullable<Body["occasion_type"]>,
    language: text("language"),
    channel: text("channel") || null,
    segment: text("segment") || null,
    subject: text("subject") || null,
    content: text("content"),
    is_active: form.get("is_active") === "on",
  };
}

async function send(template: Template | null, body: Body, key: string): Promise<Template> {
  const header = { "Idempotency-Key": key };
  if (template === null) return told(api.POST("/api/templates", { params: { header }, body }));
  const params = { path: { id: template.id }, header };
  return told(api.PUT("/api/templates/{id}", { params, body: { ...body, version: template.version } }));
}

export function TemplateForm({
  template,
  readOnly,
  aside,
  onSaved,
  onTheirs,
}: {
  template: Template | null;
  readOnly: boolean;
  aside: ReactNode;
  onSaved: (template: Template) => void;
  /** Gives up what was typed for what somebody else saved meanwhile. */
  onTheirs?: () => void;
}) {
  const { t } = useSay();
  const client = useQueryClient();
  // The version that was seen when it was opened, or saved last from here.
  const [seen, setSeen] = useState(template);
  const [key, setKey] = useState(newKey);
  const form = useRef<HTMLFormElement>(null);
  const save = useMutation({
    mutationFn: (body: Body) => send(seen, body, key),
    onSuccess: async (saved) => {
      setSeen(saved);
      setKey(newKey());
      client.setQueryData(["template", saved.id], saved);
      onSaved(saved);
      await client.invalidateQueries({ queryKey: ["templates"] });
    },
    // An answer that got lost is asked for again with the same key.
    onError: (error) => asFailure(error).passes || setKey(newKey()),
  });
  const failure = save.error ? asFailure(save.error) : null;
  const errors = new Map(failure?.fields.map((one) => [one.field, one.message]));
  useEffect(() => {
    if (failure) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [failure]);
  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate(bodyOf(new FormData(event.currentTarget)));
  };
  return (
    <form ref={form} className="form" onSubmit={submit}>
      <fieldset className="form people-radios" disabled={readOnly}>
        <Field label={t.templates.name} hint={t.templates.nameHint} error={errors.get("name")}>
          {(described) => (
            <input
              name="name"
              required
              maxLength={200}
              autoComplete="off"
              defaultValue={template?.name ?? ""}
              {...described}
            />
          )}
        </Field>
        <div className="people-grid">
          <Field label={t.templates.occasion}>
            {() => (
              <select name="occasion_type" defaultValue={template?.occasion_type ?? "custom"}>
                {Object.entries(t.occasion).map(([value, name]) => (
                  <option key={value} value={value}>
                    {name}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field label={t.templates.language} error={errors.get("language")}>
            {(described) => (
              <select name="language" defaultValue={template?.language ?? "ru"} {...described}>
                {Object.entries(CONTACT_LANGUAGES).map(([tag, name]) => (
                  <option key={tag} value={tag} lang={tag}>
                    {name}
                  </option>
                ))}
                {template && !(template.language in CONTACT_LANGUAGES) ? (
                  <option value={template.language}>{template.language}</option>
                ) : null}
              </select>
            )}
          </Field>
          <Field label={t.templates.channel} error={errors.get("channel")}>
            {(described) => (
              <select name="channel" defaultValue={template?.channel ?? ""} {...described}>
                <option value="">{t.templates.every}</option>
                {[...new Set([...CHANNELS, ...(template?.channel ? [template.channel] : [])])].map((one) => (
                  <option key={one} value={one}>
                    {Object.hasOwn(t.channel, one) ? t.channel[one as keyof typeof t.channel] : one}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field label={t.templates.segment} error={errors.get("segment")}>
            {(described) => (
              <input
                name="segment"
                maxLength={100}
                autoComplete="off"
                placeholder={t.templates.every}
                defaultValue={template?.segment ?? ""}
                {...described}
              />
            )}
          </Field>
        </div>
        <Field label={t.templates.subject} error={errors.get("subject")}>
          {(described) => (
            <input
              name="subject"
              maxLength={200}
              autoComplete="off"
              defaultValue={template?.subject ?? ""}
              {...described}
            />
          )}
        </Field>
        <Field label={t.templates.content} hint={t.templates.contentHint} error={errors.get("content")}>
          {(described) => (
            <textarea
              name="content"
              required
              rows={9}
              defaultValue={template?.content ?? ""}
              {...described}
            />
          )}
        </Field>
        <label className="people-check">
          <input type="checkbox" name="is_active" defaultChecked={template?.is_active ?? true} />
          <span>{t.templates.active}</span>
        </label>
      </fieldset>
      {failure ? <Problem error={failure} /> : null}
      {failure?.kind === "conflict" && onTheirs ? (
        <button type="button" className="button button-small people-lone" onClick={onTheirs}>
          {t.templates.theirs}
        </button>
      ) : null}
      {readOnly ? null : (
        <div className="form-actions">
          {aside}
          <button
            type="submit"
            className="button button-primary"
            disabled={save.isPending}
            aria-busy={save.isPending}
          >
            {t.templates.save}
          </button>
        </div>
      )}
    </form>
  );
}
