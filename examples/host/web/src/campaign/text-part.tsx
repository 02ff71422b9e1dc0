// Where the texts come from: a template, or a model that is told what they are about.
import { useQuery } from "@tanstack/react-query";

import { useSay } from "../i18n";
import { Field } from "../people/field";
import { languageName } from "../people/words";
import { Card } from "../ui/parts";
import { Choice, type Part } from "./part";
import { offeredQuery } from "./queries";

/** The templates that are offered, and the chosen one whatever became of it. */
export function TemplateOptions({ chosen }: { chosen: string }) {
  const { t } = useSay();
  const found = useQuery(offeredQuery).data ?? [];
  const offered = found.filter((one) => one.is_active || one.id === chosen);
  return (
    <>
      {offered.map((one) => (
        <option key={one.id} value={one.id}>
          {`${one.name} · ${languageName(one.language)}`}
        </option>
      ))}
      {chosen && !offered.some((one) => one.id === chosen) ? (
        <option value={chosen}>{t.campaigns.text.gone}</option>
      ) : null}
    </>
  );
}

export function ToneOptions({ usual }: { usual: string }) {
  const { t } = useSay();
  return (
    <>
      <option value="">{usual}</option>
      {Object.entries(t.tone).map(([value, name]) => (
        <option key={value} value={value}>
          {name}
        </option>
      ))}
    </>
  );
}

function ModelFields({ draft, set, wrong }: Part) {
  const { t } = useSay();
  const words = t.campaigns.text;
  return (
    <>
      <Field label={t.create.context} hint={t.create.contextHint} error={wrong("custom_context")}>
        {(described) => (
          <textarea
            name="context"
            rows={3}
            maxLength={500}
            value={draft.context}
            onChange={(event) => set({ context: event.target.value })}
            {...described}
          />
        )}
      </Field>
      <div className="people-grid">
        <Field label={t.create.tone} error={wrong("tone")}>
          {(described) => (
            <select
              name="tone"
              value={draft.tone}
              onChange={(event) => set({ tone: event.target.value })}
              {...described}
            >
              <ToneOptions usual={t.create.defaultTone} />
            </select>
          )}
        </Field>
        <Field label={words.drafting}>
          {() => (
            <select
              name="drafting"
              value={draft.drafting}
              onChange={(event) => set({ drafting: event.target.value as typeof draft.drafting })}
            >
              <option value="now">{words.now}</option>
              <option value="batch">{words.batch}</option>
            </select>
          )}
        </Field>
        <Field label={words.unavailable}>
          {() => (
            <select
              name="unavailable"
              value={draft.unavailable}
              onChange={(event) => set({ unavailable: event.target.value as typeof draft.unavailable })}
            >
              <option value="fallback">{words.fallback}</option>
              <option value="wait">{words.wait}</option>
            </select>
          )}
        </Field>
      </div>
    </>
  );
}

export function TextPart(part: Part) {
  const { draft, set, wrong } = part;
  const { t } = useSay();
  const words = t.campaigns.text;
  return (
    <Card title={t.campaigns.part.text}>
      <div className="stack">
        <Choice
          name="text"
          label={words.how}
          value={draft.text}
          options={[
            ["model", words.model],
            ["template", words.template],
          ]}
          onChange={(text) => set({ text })}
        />
        {draft.text === "model" ? (
          <ModelFields {...part} />
        ) : (
          <Field label={words.template} hint={words.templateHint} error={wrong("template_id")}>
            {(described) => (
              <select
                name="template"
                required
                value={draft.template}
                onChange={(event) => set({ template: event.target.value })}
                {...described}
              >
                <option value="">{words.choose}</option>
                <TemplateOptions chosen={draft.template} />
              </select>
            )}
          </Field>
        )}
      </div>
    </Card>
  );
}
