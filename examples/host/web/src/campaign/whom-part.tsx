// To whom: two usual fields, or an audience as people write it; how many that are, while it is typed.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { useSay } from "../i18n";
import { AudienceField } from "../people/audience-field";
import { Field } from "../people/field";
import { countQuery, segmentsQuery } from "../people/queries";
import { CONTACT_LANGUAGES, SEGMENTS } from "../people/search";
import { Icon } from "../ui/icon";
import { Card } from "../ui/parts";
import { audienceText } from "./draft";
import { Choice, type Part } from "./part";

/** Somebody who types is counted for once they pause (ms). */
const PAUSE = 250;

function usePaused(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(text), PAUSE);
    return () => window.clearTimeout(timer);
  }, [text]);
  return settled;
}

function Count({ text }: { text: string }) {
  const { t, count } = useSay();
  const settled = usePaused(text);
  const found = useQuery(countQuery(settled));
  return (
    <p
      role="status"
      className="people-audience-said"
      data-count={settled === text ? found.data?.count : undefined}
    >
      {found.isPending || settled !== text ? t.people.audience.counting : null}
      {found.data && settled === text ? (
        <span className="people-counted">
          <Icon name="contacts" />
          {count(found.data.count, t.campaigns.counted.people)}
        </span>
      ) : null}
    </p>
  );
}

export function WhomPart({ draft, set, wrong }: Part) {
  const { t } = useSay();
  const words = t.campaigns.whom;
  const segments = useQuery(segmentsQuery).data?.data ?? [];
  const known = new Set([...SEGMENTS, ...segments.flatMap((one) => (one.segment ? [one.segment] : []))]);
  return (
    <Card title={t.campaigns.part.whom}>
      <div className="stack">
        <Choice
          name="whom"
          label={words.how}
          value={draft.whom}
          options={[
            ["simple", words.simple],
            ["words", words.words],
          ]}
          onChange={(whom) => {
            // What was chosen so far is where one goes on in words.
            const text = audienceText(draft);
            const start = whom === "words" && !draft.audience && text !== "everybody";
            set({ whom, ...(start ? { audience: text } : {}) });
          }}
        />
        {draft.whom === "simple" ? (
          <>
            <div className="field-pair">
              <Field label={t.create.segment} hint={t.create.segmentHint} error={wrong("segment_filter")}>
                {(described) => (
                  <input
                    name="segment"
                    list="campaign-segments"
                    maxLength={100}
                    autoComplete="off"
                    value={draft.segment}
                    onChange={(event) => set({ segment: event.target.value })}
                    {...described}
                  />
                )}
              </Field>
              <Field label={t.create.language}>
                {() => (
                  <select
                    name="language"
                    value={draft.language}
                    onChange={(event) => set({ language: event.target.value })}
                  >
                    <option value="">{t.create.anyLanguage}</option>
                    {Object.entries(CONTACT_LANGUAGES).map(([value, name]) => (
                      <option key={value} value={value} lang={value}>
                        {name}
                      </option>
                    ))}
                    {draft.language && !(draft.language in CONTACT_LANGUAGES) ? (
                      <option value={draft.language}>{draft.language}</option>
                    ) : null}
                  </select>
                )}
              </Field>
            </div>
            <datalist id="campaign-segments">
              {[...known].map((one) => (
                <option key={one} value={one} />
              ))}
            </datalist>
            <Count text={audienceText(draft)} />
          </>
        ) : (
          <AudienceField
            value={draft.audience}
            onTyped={(audience) => set({ audience })}
            error={wrong("segment_filter")}
          />
        )}
      </div>
    </Card>
  );
}
