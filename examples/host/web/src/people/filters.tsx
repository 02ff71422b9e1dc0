// How the list of contacts is narrowed: as one types, and kept in the address.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useSay } from "../i18n";
import { Icon } from "../ui/icon";
import { AudienceField } from "./audience-field";
import { segmentsQuery } from "./queries";
import { CONTACT_LANGUAGES, isFiltered, SEGMENTS, type PeopleSearch } from "./search";
import { useTyped } from "./typed";
import { segmentName } from "./words";

type Change = { [K in keyof PeopleSearch]: PeopleSearch[K] | undefined };

function SearchField({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  const { t } = useSay();
  const typed = useTyped(value, onChange);
  return (
    <form
      role="search"
      className="people-search"
      onSubmit={(event) => {
        event.preventDefault();
        typed.now(typed.text);
      }}
    >
      <Icon name="search" />
      <input
        type="search"
        name="search"
        aria-label={t.people.filter.search}
        placeholder={t.people.filter.searchHint}
        maxLength={200}
        autoComplete="off"
        value={typed.text}
        onChange={(event) => typed.type(event.target.value)}
      />
    </form>
  );
}

function TagField({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  const { t } = useSay();
  const typed = useTyped(value, onChange);
  return (
    <label className="people-filter">
      <span>{t.people.filter.tag}</span>
      <input
        name="tag"
        maxLength={100}
        autoComplete="off"
        placeholder={t.people.filter.any}
        value={typed.text}
        onChange={(event) => typed.type(event.target.value)}
      />
    </label>
  );
}

function Choice({
  name,
  label,
  value,
  choices,
  onChange,
}: {
  name: string;
  label: string;
  value: string | undefined;
  choices: [value: string, name: string, language?: string][];
  onChange: (value: string | undefined) => void;
}) {
  const { t } = useSay();
  const known = value === undefined || choices.some(([one]) => one === value);
  return (
    <label className="people-filter">
      <span>{label}</span>
      <select name={name} value={value ?? ""} onChange={(event) => onChange(event.target.value || undefined)}>
        <option value="">{t.people.filter.any}</option>
        {choices.map(([one, text, language]) => (
          <option key={one} value={one} lang={language}>
            {text}
          </option>
        ))}
        {known ? null : <option value={value}>{value}</option>}
      </select>
    </label>
  );
}

export function Filters({
  search,
  onChange,
  onClear,
}: {
  search: PeopleSearch;
  onChange: (change: Change) => void;
  onClear: () => void;
}) {
  const { t, number } = useSay();
  const segments = useQuery(segmentsQuery).data?.data ?? [];
  const [opened, setOpened] = useState(false);
  const byAudience = opened || search.audience !== undefined;
  const counts = new Map(segments.map(({ segment, count }) => [segment, count]));
  const names = [...new Set([...SEGMENTS, ...counts.keys()])];
  return (
    <div className="people-filters">
      <SearchField value={search.search ?? ""} onChange={(text) => onChange({ search: text || undefined })} />
      <div className="people-filter-row">
        <Choice
          name="segment"
          label={t.people.filter.segment}
          value={search.segment}
          choices={names.map((one): [string, string] => {
            const count = counts.get(one);
            return [
              one,
              count === undefined ? segmentName(one, t) : `${segmentName(one, t)} (${number(count)})`,
            ];
          })}
          onChange={(segment) => onChange({ segment })}
        />
        <Choice
          name="language"
          label={t.people.filter.language}
          value={search.language}
          choices={Object.entries(CONTACT_LANGUAGES).map(([tag, name]): [string, string, string] => [
            tag,
            name,
            tag,
          ])}
          onChange={(language) => onChange({ language })}
        />
        <TagField value={search.tag ?? ""} onChange={(text) => onChange({ tag: text || undefined })} />
        <button
          type="button"
          className={search.birthday ? "chip chip-active" : "chip"}
          aria-pressed={search.birthday === true}
          onClick={() => onChange({ birthday: search.birthday ? undefined : true })}
        >
          {t.people.filter.birthday}
        </button>
        <button
          type="button"
          className={search.audience ? "chip chip-active" : "chip"}
          aria-expanded={byAudience}
          aria-controls="people-audience"
          onClick={() => {
            setOpened(!byAudience);
            if (byAudience) onChange({ audience: undefined });
          }}
        >
          {t.people.filter.audience}
        </button>
        {isFiltered(search) ? (
          <button
            type="button"
            className="people-clear"
            onClick={() => {
              setOpened(false);
              onClear();
            }}
          >
            {t.people.filter.clear}
          </button>
        ) : null}
      </div>
      <div id="people-audience" hidden={!byAudience}>
        {byAudience ? (
          <AudienceField
            value={search.audience ?? ""}
            onChange={(text) => onChange({ audience: text || undefined })}
          />
        ) : null}
      </div>
    </div>
  );
}
