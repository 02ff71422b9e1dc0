// What the columns of a table fill.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useSay, word } from "../../i18n";
import { Card } from "../../ui/parts";
import { fieldsQuery } from "../queries";
import type { Peek } from "./peek";
import type { Options, Preview } from "./upload";

const TARGETS = [
  "name",
  "name_family_first",
  "given_name",
  "middle_name",
  "family_name",
  "email",
  "phone",
  "whatsapp",
  "telegram_chat_id",
  "company",
  "position",
  "segment",
  "tags",
  "language",
  "birthday",
  "time_zone",
  "external_id",
  "preferred_channels",
  "last_interaction_date",
  "consent",
  "opt_out.email",
  "opt_out.phone",
  "opt_out.telegram",
  "bounced",
  "deleted",
  "label",
] as const;

const CUSTOM = "custom_fields.";
const NEW = "new custom field";

/** A name that a custom field may have, made of the column's where that is possible. */
export function customName(column: string): string {
  const plain = column
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9_]+/gu, "_");
  const name = plain.replace(/^[^a-z]+|_+$/gu, "").slice(0, 64);
  return name || "field";
}

function NewField({ column, onName }: { column: string; onName: (name: string) => void }) {
  const { t } = useSay();
  const [name, setName] = useState(customName(column));
  const fits = /^[a-z_][a-z0-9_]{0,63}$/u.test(name);
  return (
    <span className="people-new-field">
      <input
        aria-label={t.people.import.fieldName}
        value={name}
        maxLength={64}
        autoComplete="off"
        autoCapitalize="off"
        spellCheck={false}
        aria-invalid={!fits || undefined}
        onChange={(event) => setName(event.target.value.toLowerCase())}
        onKeyDown={(event) => {
          if (event.key === "Enter" && fits) onName(name);
        }}
      />
      <button type="button" className="button button-small" disabled={!fits} onClick={() => onName(name)}>
        {t.people.import.use}
      </button>
    </span>
  );
}

function Target({
  column,
  value,
  onChange,
}: {
  column: string;
  value: string | null;
  onChange: (target: string | null) => void;
}) {
  const { t } = useSay();
  const defined = useQuery(fieldsQuery).data?.items ?? [];
  const [naming, setNaming] = useState(false);
  const fields = defined.map((one): [string, string] => [`${CUSTOM}${one.name}`, one.label ?? one.name]);
  const custom = value?.startsWith(CUSTOM) ? value : null;
  const own = custom && !fields.some(([name]) => name === custom) ? custom : null;
  return (
    <span className="people-target">
      <select
        aria-label={`${column}: ${t.people.import.fills}`}
        value={naming ? NEW : (value ?? "")}
        onChange={(event) => {
          const chosen = event.target.value;
          setNaming(chosen === NEW);
          if (chosen !== NEW) onChange(chosen || null);
        }}
      >
        <option value="">{t.people.import.leaveOut}</option>
        <optgroup label={t.people.import.contactFields}>
          {TARGETS.map((one) => (
            <option key={one} value={one}>
              {word(t.people.target, one)}
            </option>
          ))}
        </optgroup>
        <optgroup label={t.people.form.custom}>
          {fields.map(([name, label]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
          {own ? <option value={own}>{own.slice(CUSTOM.length)}</option> : null}
          <option value={NEW}>{t.people.import.newField}</option>
        </optgroup>
      </select>
      {naming ? (
        <NewField
          column={column}
          onName={(name) => {
            setNaming(false);
            onChange(`${CUSTOM}${name}`);
          }}
        />
      ) : null}
    </span>
  );
}

export function MappingCard({
  preview,
  options,
  peek,
  onChange,
}: {
  preview: Preview;
  options: Options;
  peek: Peek | null;
  onChange: (options: Options) => void;
}) {
  const { t } = useSay();
  const { mapping } = preview.detected;
  const columns = peek?.columns ?? Object.keys(mapping);
  const chosen = options.mapping ?? {};
  return (
    <Card title={t.people.import.mapping}>
      <table className="table table-stack people-mapping" aria-label={t.people.import.mapping}>
        <thead>
          <tr>
            <th scope="col">{t.people.import.column}</th>
            {peek ? <th scope="col">{t.people.import.values}</th> : null}
            <th scope="col">{t.people.import.fills}</th>
          </tr>
        </thead>
        <tbody>
          {columns.map((column) => (
            <tr key={column} data-column={column}>
              <th scope="row">{column}</th>
              {peek ? (
                <td data-label={t.people.import.values} className="people-values">
                  {peek.cells.get(column)?.join(" · ") || "—"}
                </td>
              ) : null}
              <td data-label={t.people.import.fills}>
                <Target
                  column={column}
                  value={column in chosen ? (chosen[column] ?? null) : (mapping[column] ?? null)}
                  onChange={(target) => onChange({ ...options, mapping: { ...chosen, [column]: target } })}
                />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
