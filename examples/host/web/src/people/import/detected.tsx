// What the file was found to be, and what is said better.
import { useState } from "react";

import { useSay, word } from "../../i18n";
import { Badge, Card, Notice } from "../../ui/parts";
import type { Options, Preview } from "./upload";

const ENCODINGS = [
  "utf-8",
  "windows-1251",
  "utf-16le",
  "utf-16be",
  "ibm866",
  "koi8-r",
  "windows-1252",
  "windows-1254",
  "x-mac-cyrillic",
];
const SEPARATORS = [",", ";", "\t", "|"];
const DUPLICATES = ["skip", "update", "fill", "create"] as const;

function percent(share: number, number: (n: number) => string): string {
  return `${number(Math.round(share * 100))} %`;
}

export function separatorName(separator: string, tab: string): string {
  return separator === "\t" ? tab : separator;
}

/** The options with one that is said, or is not any more. */
function said(options: Options, name: keyof Options, value: string | null): Options {
  const rest = Object.entries(options).filter(([key]) => key !== name);
  return Object.fromEntries(value === null ? rest : [...rest, [name, value]]);
}

/** Two letters of a country; empty is the usual one. */
function Region({ value, onChange }: { value: string; onChange: (region: string) => void }) {
  const { t } = useSay();
  const [text, setText] = useState(value);
  return (
    <label className="field">
      <span className="field-label">{t.people.import.region}</span>
      <input
        name="region"
        maxLength={2}
        autoComplete="off"
        autoCapitalize="characters"
        value={text}
        onChange={(event) => {
          const next = event.target.value.toUpperCase().replace(/[^A-Z]/gu, "");
          setText(next);
          if (next.length !== 1) onChange(next);
        }}
      />
      <span className="field-hint">{t.people.import.regionHint}</span>
    </label>
  );
}

export function DetectedCard({
  preview,
  options,
  onChange,
}: {
  preview: Preview;
  options: Options;
  onChange: (options: Options) => void;
}) {
  const { t, fill, number } = useSay();
  const { detected } = preview;
  const table = detected.format === "csv" || detected.format === "xlsx";
  const set = (name: "encoding" | "separator" | "sheet" | "region", value: string) => {
    onChange(said(options, name, value || null));
  };
  const ambiguous = Object.keys(detected.dates).length > 0;
  return (
    <Card
      title={t.people.import.detected}
      aside={
        <span className="people-badges">
          <Badge tone="info">{t.people.import.formats[detected.format]}</Badge>
          <Badge tone="neutral">{word(t.people.import.profiles, detected.profile)}</Badge>
          {table ? (
            <Badge tone={detected.confidence >= 0.5 ? "good" : "warn"}>
              {fill(t.people.import.confidence, { n: percent(detected.confidence, number) })}
            </Badge>
          ) : null}
        </span>
      }
    >
      <div className="people-grid">
        {detected.format === "csv" ? (
          <>
            <label className="field">
              <span className="field-label">{t.people.files.encoding}</span>
              <select
                name="encoding"
                value={options.encoding ?? ""}
                onChange={(event) => set("encoding", event.target.value)}
              >
                <option value="">
                  {options.encoding
                    ? t.people.import.automatic
                    : fill(t.people.import.found, { what: detected.encoding })}
                </option>
                {ENCODINGS.map((one) => (
                  <option key={one}>{one}</option>
                ))}
              </select>
              <span className="field-hint">
                {options.encoding
                  ? t.people.import.yours
                  : fill(t.people.import.sure, { n: percent(detected.encoding_confidence, number) })}
              </span>
            </label>
            <label className="field">
              <span className="field-label">{t.people.files.separator}</span>
              <select
                name="separator"
                value={options.separator ?? ""}
                onChange={(event) => set("separator", event.target.value)}
              >
                <option value="">
                  {options.separator
                    ? t.people.import.automatic
                    : fill(t.people.import.found, {
                        what: separatorName(detected.separator, t.people.files.tab),
                      })}
                </option>
                {SEPARATORS.map((one) => (
                  <option key={one} value={one}>
                    {separatorName(one, t.people.files.tab)}
                  </option>
                ))}
              </select>
            </label>
          </>
        ) : null}
        {detected.format === "xlsx" ? (
          <label className="field">
            <span className="field-label">{t.people.import.sheet}</span>
            <input
              name="sheet"
              defaultValue={detected.sheet}
              autoComplete="off"
              onBlur={(event) => set("sheet", event.target.value.trim())}
            />
          </label>
        ) : null}
        <Region value={options.region ?? detected.region} onChange={(region) => set("region", region)} />
        {ambiguous ? (
          <label className="field">
            <span className="field-label">{t.people.import.dates}</span>
            <select
              name="dates"
              value={options.dates ?? ""}
              onChange={(event) => {
                const chosen = event.target.value;
                const known = chosen === "day_first" || chosen === "month_first" ? chosen : null;
                onChange(said(options, "dates", known));
              }}
            >
              <option value="">{t.people.import.automatic}</option>
              <option value="day_first">{t.people.import.dayFirst}</option>
              <option value="month_first">{t.people.import.monthFirst}</option>
            </select>
          </label>
        ) : null}
        <label className="field">
          <span className="field-label">{t.people.import.duplicates}</span>
          <select
            name="duplicates"
            value={options.duplicates ?? "skip"}
            onChange={(event) => {
              const how = DUPLICATES.find((one) => one === event.target.value);
              if (how) onChange({ ...options, duplicates: how });
            }}
          >
            {DUPLICATES.map((one) => (
              <option key={one} value={one}>
                {t.people.import.how[one]}
              </option>
            ))}
          </select>
        </label>
      </div>
      {detected.warnings.map((one) => (
        <Notice key={`${one.code} ${one.column ?? ""}`} tone="warn">
          <p>
            {word(t.people.import.warnings, one.code)}
            {one.column ? `: ${one.column}` : ""}
          </p>
        </Notice>
      ))}
    </Card>
  );
}
