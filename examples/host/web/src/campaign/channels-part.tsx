// Which channels, best first.
import { useRef } from "react";

import { useSay } from "../i18n";
import { Field } from "../people/field";
import { Icon } from "../ui/icon";
import { Card } from "../ui/parts";
import { CHANNELS } from "./draft";
import type { Part } from "./part";
import { channel } from "./words";

function Others({ draft, set, wrong }: Part) {
  const say = useSay();
  const { t, fill } = say;
  const words = t.campaigns.channels;
  const add = useRef<HTMLSelectElement>(null);
  const error = wrong("fallback_channels");
  const left = CHANNELS.filter((one) => one !== draft.channel && !draft.fallbacks.includes(one));
  const earlier = (index: number) => {
    const next = [...draft.fallbacks];
    next.splice(index - 1, 0, ...next.splice(index, 1));
    set({ fallbacks: next });
  };
  return (
    <fieldset className="campaign-choice">
      <legend className="field-label">{words.others}</legend>
      {draft.fallbacks.length > 0 ? (
        <ol className="campaign-fallbacks">
          {draft.fallbacks.map((one, index) => {
            const name = channel(one, say);
            return (
              <li key={one}>
                <span>{name}</span>
                {index > 0 ? (
                  <button
                    type="button"
                    className="campaign-small"
                    aria-label={fill(words.up, { name })}
                    onClick={() => earlier(index)}
                  >
                    ↑
                  </button>
                ) : null}
                <button
                  type="button"
                  className="campaign-small"
                  aria-label={fill(words.remove, { name })}
                  onClick={() => {
                    set({ fallbacks: draft.fallbacks.filter((other) => other !== one) });
                    add.current?.focus();
                  }}
                >
                  <Icon name="stop" />
                </button>
              </li>
            );
          })}
        </ol>
      ) : (
        <p className="field-hint">{words.none}</p>
      )}
      <select
        ref={add}
        name="fallback"
        aria-label={words.add}
        aria-invalid={error ? true : undefined}
        value=""
        onChange={(event) => {
          if (event.target.value) set({ fallbacks: [...draft.fallbacks, event.target.value] });
        }}
      >
        <option value="">{words.add}</option>
        {left.map((one) => (
          <option key={one} value={one}>
            {channel(one, say)}
          </option>
        ))}
      </select>
      {error ? (
        <p className="field-hint people-wrong" lang="en">
          {error}
        </p>
      ) : null}
      {draft.fallbacks.length > 0 ? <p className="field-hint">{words.hint}</p> : null}
    </fieldset>
  );
}

export function ChannelsPart(part: Part) {
  const { draft, set, wrong } = part;
  const say = useSay();
  const { t } = say;
  const known = [...new Set([...CHANNELS, draft.channel])];
  return (
    <Card title={t.campaigns.part.channels}>
      <div className="stack">
        <Field label={t.campaigns.channels.first} error={wrong("channel")}>
          {(described) => (
            <select
              name="channel"
              value={draft.channel}
              onChange={(event) =>
                set({
                  channel: event.target.value,
                  fallbacks: draft.fallbacks.filter((one) => one !== event.target.value),
                })
              }
              {...described}
            >
              {known.map((one) => (
                <option key={one} value={one}>
                  {channel(one, say)}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Others {...part} />
      </div>
    </Card>
  );
}
