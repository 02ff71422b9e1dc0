// Which drafts are shown; the address keeps it, so that a link leads to the same ones.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState, type ReactNode, type RefObject } from "react";

import { useSay } from "../i18n";
import { SORTS, type Sort } from "./order";
import { campaignNamesQuery, type Filters } from "./queries";

/** How long somebody has stopped typing before it is looked for (ms). */
const PAUSE = 250;

function Choice({
  name,
  label,
  value,
  onChange,
  children,
}: {
  name: string;
  label: string;
  value: string;
  onChange: (value: string) => void;
  children: ReactNode;
}) {
  return (
    <label className="filter">
      <span className="filter-label">{label}</span>
      <select name={name} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {children}
      </select>
    </label>
  );
}

function Search({
  value,
  field,
  onChange,
  onLeave,
}: {
  value: string;
  field: RefObject<HTMLInputElement | null>;
  onChange: (text: string) => void;
  onLeave: () => void;
}) {
  const { t } = useSay();
  const [text, setText] = useState(value);
  const [known, setKnown] = useState(value);
  const [sent, setSent] = useState(value);
  const timer = useRef<number | undefined>(undefined);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  // The address may change by itself: back, or "show all".
  if (value !== known) {
    setKnown(value);
    if (value !== sent) {
      setSent(value);
      setText(value);
    }
  }
  const write = (next: string) => {
    setText(next);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      setSent(next.trim());
      onChange(next.trim());
    }, PAUSE);
  };
  return (
    <label className="filter filter-search">
      <span className="filter-label">{t.inbox.filter.search}</span>
      <input
        ref={field}
        name="q"
        type="search"
        value={text}
        maxLength={200}
        placeholder={`${t.inbox.filter.search}  /`}
        onChange={(event) => write(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape" && event.key !== "Enter") return;
          event.preventDefault();
          onLeave();
        }}
      />
    </label>
  );
}

export function FilterBar({
  filters,
  channels,
  field,
  onChange,
  onLeave,
}: {
  filters: Filters;
  channels: [code: string, name: string][];
  field: RefObject<HTMLInputElement | null>;
  onChange: (change: Record<string, string | undefined>) => void;
  onLeave: () => void;
}) {
  const { t } = useSay();
  const words = t.inbox.filter;
  const { data: campaigns } = useQuery(campaignNamesQuery());
  const set = (key: keyof Filters) => (value: string) => onChange({ [key]: value || undefined });
  return (
    <div className="filters" role="search" aria-label={words.label}>
      <Search value={filters.q ?? ""} field={field} onChange={set("q")} onLeave={onLeave} />
      <Choice name="risk" label={words.risk} value={filters.risk ?? ""} onChange={set("risk")}>
        <option value="">{words.anyRisk}</option>
        {(["notice", "warning", "blocking"] as const).map((one) => (
          <option key={one} value={one}>
            {t.inbox.risk[one]}
          </option>
        ))}
      </Choice>
      <Choice
        name="occasion"
        label={words.occasion}
        value={filters.occasion ?? ""}
        onChange={set("occasion")}
      >
        <option value="">{words.occasion}</option>
        {Object.entries(t.occasion).map(([code, name]) => (
          <option key={code} value={code}>
            {name}
          </option>
        ))}
      </Choice>
      <Choice name="channel" label={words.channel} value={filters.channel ?? ""} onChange={set("channel")}>
        <option value="">{words.channel}</option>
        {channels.map(([code, name]) => (
          <option key={code} value={code}>
            {name}
          </option>
        ))}
      </Choice>
      <Choice
        name="campaign"
        label={words.campaign}
        value={filters.campaign ?? ""}
        onChange={set("campaign")}
      >
        <option value="">{words.campaign}</option>
        {filters.campaign && !campaigns?.some((one) => one.id === filters.campaign) ? (
          <option value={filters.campaign}>{words.campaign}</option>
        ) : null}
        {campaigns?.map((one) => (
          <option key={one.id} value={one.id}>
            {one.name}
          </option>
        ))}
      </Choice>
      <Choice
        name="sort"
        label={words.sort}
        value={filters.sort ?? "deadline"}
        onChange={(value) => onChange({ sort: value === "deadline" ? undefined : value })}
      >
        {SORTS.map((one: Sort) => (
          <option key={one} value={one}>
            {t.inbox.sort[one]}
          </option>
        ))}
      </Choice>
    </div>
  );
}
