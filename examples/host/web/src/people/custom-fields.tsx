// Custom fields: those that are defined, by their definitions; those that are not, as they are.
import { useState } from "react";

import { useSay } from "../i18n";
import { Icon } from "../ui/icon";
import type { Definition } from "./body";

/** Names of inputs of custom fields begin so. */
export const CUSTOM = "custom:";

/** A value as it is typed; empty where it is none that can be. */
function plain(value: unknown): string {
  const simple = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  return simple ? String(value) : "";
}

function Input({ field, value }: { field: Definition; value: unknown }) {
  const { t } = useSay();
  const name = `${CUSTOM}${field.name}`;
  const text = plain(value);
  if (field.type === "boolean") {
    return (
      <select name={name} defaultValue={text}>
        <option value="">—</option>
        <option value="true">{t.people.yes}</option>
        <option value="false">{t.people.no}</option>
      </select>
    );
  }
  if (field.type === "choice") {
    const known = text === "" || field.options.includes(text);
    return (
      <select name={name} defaultValue={text}>
        <option value="">—</option>
        {known ? null : <option value={text}>{text}</option>}
        {field.options.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    );
  }
  if (field.type === "date" && (text === "" || /^\d{4}-\d\d-\d\d$/u.test(text))) {
    return <input type="date" name={name} defaultValue={text} />;
  }
  const mode = field.type === "number" ? "decimal" : "text";
  return <input name={name} inputMode={mode} defaultValue={text} autoComplete="off" />;
}

export function CustomFields({
  definitions,
  values,
}: {
  definitions: Definition[];
  values: Record<string, unknown>;
}) {
  const { t } = useSay();
  const [added, setAdded] = useState<string[]>([]);
  const [name, setName] = useState("");
  const defined = new Set(definitions.map((one) => one.name));
  const loose = [...Object.keys(values), ...added].filter((one) => !defined.has(one));
  const fits = /^[a-z0-9_]{1,64}$/u.test(name) && !defined.has(name) && !loose.includes(name);
  const add = () => {
    if (!fits) return;
    setAdded([...added, name]);
    setName("");
  };
  return (
    <fieldset className="fieldset">
      <legend>{t.people.form.custom}</legend>
      <div className="people-grid">
        {definitions.map((field) => (
          <label key={field.name} className="field">
            <span className="field-label">{field.label ?? field.name}</span>
            <Input field={field} value={values[field.name]} />
          </label>
        ))}
        {loose.map((one) => (
          <label key={one} className="field">
            <span className="field-label">{one}</span>
            <Loose name={one} value={values[one]} />
          </label>
        ))}
      </div>
      <div className="people-add">
        <label className="people-filter">
          <span>{t.people.form.newField}</span>
          <input
            value={name}
            maxLength={64}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            onChange={(event) => setName(event.target.value.toLowerCase())}
            onKeyDown={(event) => {
              if (event.key !== "Enter") return;
              event.preventDefault();
              add();
            }}
          />
        </label>
        <button type="button" className="button button-small" disabled={!fits} onClick={add}>
          <Icon name="plus" />
          {t.people.form.addField}
        </button>
        <span className="field-hint">{t.people.form.newFieldHint}</span>
      </div>
    </fieldset>
  );
}

/** A field without a definition keeps the kind of its value. */
function Loose({ name, value }: { name: string; value: unknown }) {
  const { t } = useSay();
  if (typeof value === "object" && value !== null) {
    return <input disabled value={JSON.stringify(value)} />;
  }
  if (typeof value === "boolean") {
    return (
      <select name={`${CUSTOM}${name}`} defaultValue={String(value)}>
        <option value="">—</option>
        <option value="true">{t.people.yes}</option>
        <option value="false">{t.people.no}</option>
      </select>
    );
  }
  return <input name={`${CUSTOM}${name}`} defaultValue={plain(value)} autoComplete="off" />;
}
