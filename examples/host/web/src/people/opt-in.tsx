// Asking a person whether they want to be written to: a message with a link, which waits for approval like every other.
import { Dialog } from "@base-ui/react/dialog";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";

import { api, newKey, told } from "../api/client";
import { useSay, word } from "../i18n";
import { Notice, Problem } from "../ui/parts";
import type { Contact } from "./words";

const CHANNELS = ["email", "sms", "telegram", "whatsapp"];
const TOPICS = ["marketing", "relationship"] as const;

export function OptInButton({ contact }: { contact: Contact }) {
  const { t } = useSay();
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  const [key, setKey] = useState(newKey);
  const ask = useMutation({
    mutationFn: (body: { channel: string; topic: string; evidence?: string }) =>
      told(
        api.POST("/api/contacts/{id}/opt-in-request", {
          params: { path: { id: contact.id }, header: { "Idempotency-Key": key } },
          body,
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: ["contact", contact.id] }),
    onSettled: () => setKey(newKey()),
  });
  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => {
      const value = form.get(name);
      return typeof value === "string" ? value.trim() : "";
    };
    const evidence = text("evidence");
    ask.mutate({ channel: text("channel"), topic: text("topic"), ...(evidence ? { evidence } : {}) });
  };
  return (
    <Dialog.Root
      open={open}
      onOpenChange={(next) => {
        setOpen(next);
        if (!next) ask.reset();
      }}
    >
      <Dialog.Trigger className="button" data-action="opt-in">
        {t.people.optIn.open}
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog">
          <Dialog.Title className="dialog-title">{t.people.optIn.title}</Dialog.Title>
          <Dialog.Description className="dialog-body">{t.people.optIn.body}</Dialog.Description>
          {ask.isSuccess ? (
            <>
              <div role="status">
                <Notice tone="good">
                  <p>{t.people.optIn.done}</p>
                </Notice>
              </div>
              <p className="people-text people-quote">{ask.data.content}</p>
              <div className="dialog-actions">
                <Dialog.Close className="button">{t.people.close}</Dialog.Close>
              </div>
            </>
          ) : (
            <form className="form" onSubmit={submit}>
              <div className="field-pair">
                <label className="field">
                  <span className="field-label">{t.people.consent.channel}</span>
                  <select name="channel">
                    {CHANNELS.map((one) => (
                      <option key={one} value={one}>
                        {word(t.channel, one)}
                      </option>
                    ))}
                  </select>
                </label>
                <label className="field">
                  <span className="field-label">{t.people.consent.topic}</span>
                  <select name="topic">
                    {TOPICS.map((one) => (
                      <option key={one} value={one}>
                        {t.people.consent.topics[one]}
                      </option>
                    ))}
                  </select>
                </label>
              </div>
              <label className="field">
                <span className="field-label">{t.people.consent.evidence}</span>
                <input name="evidence" maxLength={200} autoComplete="off" />
                <span className="field-hint">{t.people.optIn.evidenceHint}</span>
              </label>
              {ask.error ? <Problem error={ask.error} /> : null}
              <div className="dialog-actions">
                <Dialog.Close className="button">{t.confirmNo}</Dialog.Close>
                <button
                  type="submit"
                  className="button button-primary"
                  disabled={ask.isPending}
                  aria-busy={ask.isPending}
                >
                  {t.people.optIn.yes}
                </button>
              </div>
            </form>
          )}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
