// The text under a person's hands. What is not saved stays here, whatever happens on the way.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState, type SyntheticEvent } from "react";

import { api, told } from "../api/client";
import { useSay } from "../i18n";
import { current, subscribe } from "../session";
import { Notice, Problem } from "../ui/parts";
import { useSettled } from "./clock";
import type { Written } from "./deeds";
import { units } from "./facts";
import type { Message } from "./order";

/** What was written and not saved, by message, with the version it was written over. */
const kept = new Map<string, Written & { version: number }>();
subscribe(() => {
  if (!current()) kept.clear();
});

export function isKept(id: string): boolean {
  return kept.has(id);
}

/** What the channel would count the text as. */
function useUnits(message: Message, text: Written) {
  const still = useSettled(text.content, 400);
  const length = Array.from(still).length;
  const body = {
    contact_id: message.contact_id,
    occasion_type: message.occasion_type,
    channel: message.channel,
    format: message.format,
    content: still,
    ...(text.subject ? { subject: text.subject } : {}),
  };
  return useQuery({
    queryKey: ["preview", body],
    queryFn: () => told(api.POST("/api/messages/preview", { body })),
    enabled: length >= 10 && length <= 2_000,
    staleTime: 60_000,
    retry: false,
  });
}

export function Editor({
  message,
  first,
  busy,
  error,
  changedBy,
  onSave,
  onClose,
}: {
  message: Message;
  /** The text as it was first written, if it is another one. */
  first: string | null;
  busy: boolean;
  error: unknown;
  /** Who changed it while it was written on, and when. */
  changedBy: string | null;
  onSave: (text: Written, version: number, approve: boolean) => Promise<boolean>;
  onClose: () => void;
}) {
  const say = useSay();
  const { t, count } = say;
  const words = t.inbox.editor;
  const own = { subject: message.subject ?? null, content: message.content };
  const [text, setText] = useState<Written>(() => kept.get(message.id) ?? own);
  const [version, setVersion] = useState(() => kept.get(message.id)?.version ?? message.version);
  const field = useRef<HTMLTextAreaElement>(null);
  const preview = useUnits(message, text);
  const length = Array.from(text.content).length;
  const fits = length >= 10 && length <= 2_000;
  const changed = text.content !== own.content || text.subject !== own.subject;
  const newer = version !== message.version;

  useEffect(() => {
    field.current?.focus();
  }, []);

  const change = (next: Written) => {
    setText(next);
    kept.set(message.id, { ...next, version });
  };
  const discard = () => {
    kept.delete(message.id);
    setText(own);
    setVersion(message.version);
    field.current?.focus();
  };
  const save = async (approve: boolean) => {
    if (busy || !fits || newer) return;
    if (await onSave(text, version, approve)) kept.delete(message.id);
  };
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    void save(false);
  };
  const keys = (event: React.KeyboardEvent) => {
    if (event.key === "Escape") {
      event.preventDefault();
      if (!changed) kept.delete(message.id);
      onClose();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void save(true);
    }
  };
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- keys of the fields within
    <form className="form editor" onSubmit={submit} onKeyDown={keys}>
      {newer ? (
        <Notice tone="warn">
          <p>{changedBy ?? t.inbox.failed.conflictUnknown}</p>
          <button type="button" className="button button-small" onClick={() => setVersion(message.version)}>
            {words.over}
          </button>
        </Notice>
      ) : null}
      {message.subject !== null ? (
        <label className="field">
          <span className="field-label">{words.subject}</span>
          <input
            name="subject"
            value={text.subject ?? ""}
            maxLength={200}
            onChange={(event) => change({ ...text, subject: event.currentTarget.value || null })}
          />
        </label>
      ) : null}
      <label className="field">
        <span className="field-label">{words.content}</span>
        <textarea
          ref={field}
          name="content"
          rows={6}
          value={text.content}
          aria-invalid={!fits}
          onChange={(event) => change({ ...text, content: event.currentTarget.value })}
        />
        <span className="field-hint editor-count">
          <span>
            {count(length, t.inbox.counted.signs)}
            {preview.data ? ` · ${units(preview.data.units, say) ?? ""}`.replace(/ · $/u, "") : null}
          </span>
          {fits ? null : <span className="editor-bad">{words.short}</span>}
          {changed ? <span>{words.kept}</span> : null}
        </span>
      </label>
      <div className="offers">
        {changed ? (
          <button type="button" className="chip" onClick={discard}>
            {words.discard}
          </button>
        ) : null}
        {first !== null && first !== text.content ? (
          <button type="button" className="chip" onClick={() => change({ ...text, content: first })}>
            {words.first}
          </button>
        ) : null}
      </div>
      {error ? <Problem error={error} /> : null}
      <div className="form-actions">
        <button type="button" className="button" disabled={busy} onClick={onClose}>
          {words.cancel} <kbd>Esc</kbd>
        </button>
        <button
          type="submit"
          className="button"
          disabled={busy || !fits || newer || !changed}
          aria-busy={busy}
        >
          {words.save}
        </button>
        <button
          type="button"
          className="button button-primary"
          disabled={busy || !fits || newer}
          aria-busy={busy}
          onClick={() => void save(true)}
        >
          {words.approve} <kbd>Ctrl ↵</kbd>
        </button>
      </div>
    </form>
  );
}
