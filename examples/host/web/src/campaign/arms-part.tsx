// Several texts for one campaign, and a part that gets none.
import { useRef } from "react";

import { useSay } from "../i18n";
import { Field } from "../people/field";
import { Icon } from "../ui/icon";
import { Card } from "../ui/parts";
import type { Arm } from "./draft";
import { Switch, type Part } from "./part";
import { TemplateOptions, ToneOptions } from "./text-part";
import { percent } from "./words";

const MOST = 26;

function blank(arms: Arm[], name: string): Arm {
  const key = Math.max(-1, ...arms.map((arm) => arm.key)) + 1;
  return { key, name, weight: "1", template: "", tone: "", context: "" };
}

/** A letter that no arm has yet. */
function letter(arms: Arm[]): string {
  const taken = new Set(arms.map((arm) => arm.name.trim()));
  return [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"].find((one) => !taken.has(one)) ?? "";
}

function ArmFields({
  arm,
  index,
  share,
  error,
  onChange,
  onRemove,
}: {
  arm: Arm;
  index: number;
  share: number | null;
  error: string | undefined;
  onChange: (change: Partial<Arm>) => void;
  onRemove: (() => void) | null;
}) {
  const say = useSay();
  const { t, fill } = say;
  const words = t.campaigns.arms;
  return (
    <fieldset className="fieldset campaign-arm" data-arm={index}>
      <legend>{fill(words.one, { n: String(index + 1) })}</legend>
      <div className="people-grid">
        <Field label={words.name} error={error}>
          {(described) => (
            <input
              name="arm-name"
              required
              maxLength={20}
              autoComplete="off"
              value={arm.name}
              onChange={(event) => onChange({ name: event.target.value })}
              {...described}
            />
          )}
        </Field>
        <Field
          label={words.weight}
          hint={share === null ? undefined : fill(words.share, { share: percent(share, say) })}
        >
          {(described) => (
            <input
              name="arm-weight"
              type="number"
              required
              min={1}
              max={1000}
              value={arm.weight}
              onChange={(event) => onChange({ weight: event.target.value })}
              {...described}
            />
          )}
        </Field>
        <Field label={words.template}>
          {() => (
            <select
              name="arm-template"
              value={arm.template}
              onChange={(event) => onChange({ template: event.target.value })}
            >
              <option value="">{words.same}</option>
              <TemplateOptions chosen={arm.template} />
            </select>
          )}
        </Field>
        {arm.template ? null : (
          <Field label={words.tone}>
            {() => (
              <select
                name="arm-tone"
                value={arm.tone}
                onChange={(event) => onChange({ tone: event.target.value })}
              >
                <ToneOptions usual={words.same} />
              </select>
            )}
          </Field>
        )}
      </div>
      {arm.template ? null : (
        <Field label={words.context}>
          {() => (
            <textarea
              name="arm-context"
              rows={2}
              maxLength={500}
              placeholder={words.same}
              value={arm.context}
              onChange={(event) => onChange({ context: event.target.value })}
            />
          )}
        </Field>
      )}
      {onRemove ? (
        <button type="button" className="button button-small people-lone" onClick={onRemove}>
          <Icon name="stop" />
          {fill(words.remove, { name: arm.name || String(index + 1) })}
        </button>
      ) : null}
    </fieldset>
  );
}

export function ArmsPart({ draft, set, wrong }: Part) {
  const { t } = useSay();
  const words = t.campaigns.arms;
  const add = useRef<HTMLButtonElement>(null);
  const all = draft.arms.reduce((sum, arm) => sum + Number(arm.weight), 0);
  const grow = (arms: Arm[]) => [...arms, blank(arms, letter(arms))];
  const change = (key: number, to: Partial<Arm>) =>
    set({ arms: draft.arms.map((arm) => (arm.key === key ? { ...arm, ...to } : arm)) });
  return (
    <Card title={t.campaigns.part.variants}>
      <div className="stack">
        <Switch
          name="compared"
          checked={draft.compared}
          onChange={(compared) =>
            set({ compared, ...(draft.arms.length === 0 ? { arms: grow(grow([])) } : {}) })
          }
        >
          {words.use}
        </Switch>
        {draft.compared ? (
          <>
            <p className="field-hint">{words.hint}</p>
            {draft.arms.map((arm, index) => (
              <ArmFields
                key={arm.key}
                arm={arm}
                index={index}
                share={all > 0 ? Number(arm.weight) / all : null}
                error={index === 0 ? wrong("arms") : undefined}
                onChange={(to) => change(arm.key, to)}
                onRemove={
                  draft.arms.length > 1
                    ? () => {
                        set({ arms: draft.arms.filter((one) => one.key !== arm.key) });
                        add.current?.focus();
                      }
                    : null
                }
              />
            ))}
            <button
              ref={add}
              type="button"
              className="button button-small people-lone"
              aria-disabled={draft.arms.length >= MOST}
              onClick={() => draft.arms.length < MOST && set({ arms: grow(draft.arms) })}
            >
              <Icon name="plus" />
              {words.add}
            </button>
            <Field label={words.holdout} hint={words.holdoutHint} error={wrong("holdout_permille")}>
              {(described) => (
                <input
                  name="holdout"
                  type="number"
                  required
                  min={0}
                  max={99.9}
                  step={0.1}
                  value={draft.holdout}
                  onChange={(event) => set({ holdout: event.target.value })}
                  {...described}
                />
              )}
            </Field>
          </>
        ) : null}
      </div>
    </Card>
  );
}
