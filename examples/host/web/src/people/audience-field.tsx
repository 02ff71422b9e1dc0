// An audience as people write it: how many it has while it is typed, and where it stops being understood.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";

import { asFailure } from "../api/failure";
import { useSay } from "../i18n";
import { Icon } from "../ui/icon";
import { Problem } from "../ui/parts";
import { audiencesQuery, countQuery } from "./queries";
import { misunderstood, savedText } from "./search";
import { useTyped } from "./typed";

/** The text with the place at which it went wrong. */
function Misread({ text, at }: { text: string; at: number }) {
  const letters = [...text];
  return (
    <code className="people-misread" aria-hidden="true">
      {letters.slice(0, at).join("")}
      <mark>{letters.slice(at).join("") || " "}</mark>
    </code>
  );
}

export function AudienceField({
  value,
  onChange,
  onTyped,
  error,
}: {
  value: string;
  /** Gets what is understood. */
  onChange?: (text: string) => void;
  /** Gets every letter. */
  onTyped?: (text: string) => void;
  /** What the host said of it when it was sent. */
  error?: string | undefined;
}) {
  const { t, fill, count } = useSay();
  const client = useQueryClient();
  const input = useRef<HTMLInputElement>(null);
  const latest = useRef(value);
  const saved = useQuery(audiencesQuery).data?.items ?? [];
  const typed = useTyped(
    value,
    (text) => {
      latest.current = text;
      if (!onChange) return;
      if (text === "") onChange("");
      // The list follows what is understood alone.
      else
        void client.fetchQuery(countQuery(text)).then(
          () => latest.current === text && onChange(text),
          () => null,
        );
    },
    350,
  );
  const asked = typed.sent;
  const found = useQuery(countQuery(asked || null));
  const failure = found.error ? asFailure(found.error) : null;
  const fault = failure?.fields.find((one) => one.field === "audience");
  const place = fault ? misunderstood(fault.message) : null;
  const chosen = saved.find((one) => savedText(one.name) === typed.text);
  const goThere = () => {
    const letters = [...asked];
    const units = letters.slice(0, place?.at ?? 0).join("").length;
    input.current?.focus();
    input.current?.setSelectionRange(units, asked.length);
  };
  return (
    <div className="people-audience">
      {saved.length > 0 ? (
        <label className="people-filter">
          <span>{t.people.audience.saved}</span>
          <select
            name="saved"
            value={chosen?.id ?? ""}
            onChange={(event) => {
              const one = saved.find(({ id }) => id === event.target.value);
              const text = one ? savedText(one.name) : "";
              typed.now(text);
              onTyped?.(text);
            }}
          >
            <option value="">{t.people.audience.own}</option>
            {saved.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
      ) : null}
      <input
        ref={input}
        name="audience"
        className="people-code"
        aria-label={t.people.audience.label}
        aria-invalid={place !== null || error !== undefined || undefined}
        aria-describedby="people-audience-said"
        placeholder={t.people.audience.example}
        spellCheck={false}
        autoComplete="off"
        autoCapitalize="off"
        value={typed.text}
        onChange={(event) => {
          typed.type(event.target.value);
          onTyped?.(event.target.value);
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.nativeEvent.isComposing) return;
          event.preventDefault();
          typed.now(typed.text);
        }}
      />
      <div id="people-audience-said" role="status" className="people-audience-said">
        {asked === "" ? <span>{t.people.audience.hint}</span> : null}
        {asked !== "" && found.isFetching && !found.data ? <span>{t.people.audience.counting}</span> : null}
        {found.data ? (
          <span className="people-counted">
            <Icon name="check" />
            {count(found.data.count, t.people.counted.people)}
          </span>
        ) : null}
        {place ? (
          <div className="people-misunderstood">
            <p>
              {fill(t.people.audience.at, { n: String(place.at + 1) })} <span lang="en">{place.what}</span>
            </p>
            <Misread text={asked} at={place.at} />
            <button type="button" className="people-clear" onClick={goThere}>
              {t.people.audience.go}
            </button>
          </div>
        ) : null}
      </div>
      {failure && !place ? <Problem error={failure} retry={() => void found.refetch()} /> : null}
      {error && !place ? (
        <p className="people-wrong" lang="en">
          {error}
        </p>
      ) : null}
    </div>
  );
}
