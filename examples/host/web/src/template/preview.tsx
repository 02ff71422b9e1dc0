// What a real contact would get of a template as it is saved, on each channel, and what is missing for it.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { useSay, word } from "../i18n";
import { findQuery } from "../people/queries";
import { useTyped } from "../people/typed";
import { Icon } from "../ui/icon";
import { Badge, Card, Loading, Notice, Problem } from "../ui/parts";
import { previewQuery, type Template } from "./queries";

export function PreviewCard({ template }: { template: Template }) {
  const { t, fill, number } = useSay();
  const [contact, setContact] = useState<{ id: string; name: string } | null>(null);
  const typed = useTyped("", () => undefined);
  const found = useQuery(findQuery(typed.sent));
  const seen = useQuery(previewQuery(template, contact?.id ?? null));
  const preview = seen.data;
  return (
    <Card title={t.templates.preview} aside={<span className="card-aside">{contact?.name}</span>}>
      <div className="stack">
        <form role="search" className="people-search" onSubmit={(event) => event.preventDefault()}>
          <Icon name="search" />
          <input
            type="search"
            aria-label={t.templates.whom}
            placeholder={t.templates.whom}
            maxLength={200}
            autoComplete="off"
            value={typed.text}
            onChange={(event) => typed.type(event.target.value)}
          />
        </form>
        {typed.sent !== "" && found.data ? (
          <ul className="people-found">
            {found.data.items.slice(0, 5).map((one) => (
              <li key={one.id}>
                <button
                  type="button"
                  onClick={() => {
                    setContact({ id: one.id, name: one.name });
                    typed.now("");
                  }}
                >
                  {one.name} <span className="row-hint">{one.company}</span>
                </button>
              </li>
            ))}
            {found.data.items.length === 0 ? <li className="faint">{t.people.merge.nobody}</li> : null}
          </ul>
        ) : null}
        {contact === null ? <p className="faint">{t.templates.previewHint}</p> : null}
        {contact !== null && seen.isPending ? <Loading lines={4} /> : null}
        {seen.error ? <Problem error={seen.error} retry={() => void seen.refetch()} /> : null}
        {contact !== null && preview ? (
          <div className="stack" role="status">
            {preview.missing.length > 0 ? (
              <Notice tone="warn" title={t.templates.missing}>
                <p>{preview.missing.map((one) => `{{${one.variable}}}`).join(", ")}</p>
              </Notice>
            ) : null}
            <div className="people-quote">
              {preview.subject ? <p className="notice-title">{preview.subject}</p> : null}
              <p className="people-text" lang={preview.language}>
                {preview.content}
              </p>
            </div>
            <ul className="people-words">
              {preview.channels.map((one) => (
                <li key={one.channel}>
                  <span>
                    {word(t.channel, one.channel)}
                    <span className="row-hint">
                      {fill(t.templates.size, {
                        characters: number(one.characters),
                        units: number(one.units.count),
                      })}
                    </span>
                  </span>
                  <Badge tone={one.reachable && one.sendable ? "good" : "warn"}>
                    {one.reachable
                      ? one.sendable
                        ? t.templates.fits
                        : t.templates.tooLong
                      : t.templates.unreachable}
                  </Badge>
                </li>
              ))}
            </ul>
          </div>
        ) : null}
      </div>
    </Card>
  );
}
