// A question that takes a sentence: why, or what is to be different.
import { Dialog } from "@base-ui/react/dialog";
import { useRef, useState, type SyntheticEvent } from "react";

import { useSay } from "../i18n";
import { Problem } from "../ui/parts";

export interface Asked {
  title: string;
  hint: string;
  label: string;
  /** Sentences that are often said. */
  offers: string[];
  required: boolean;
  yes: string;
  dangerous: boolean;
}

export function Ask({
  asked,
  busy,
  error,
  onYes,
  onNo,
  backTo,
}: {
  asked: Asked;
  busy: boolean;
  error: unknown;
  onYes: (text: string) => void;
  onNo: () => void;
  /** Where the focus goes afterwards. */
  backTo: () => HTMLElement | null;
}) {
  const { t } = useSay();
  const [text, setText] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);
  const ready = !busy && (!asked.required || text.trim() !== "");
  const submit = (event?: SyntheticEvent) => {
    event?.preventDefault();
    if (ready) onYes(text.trim());
  };
  return (
    <Dialog.Root
      open
      onOpenChange={(open) => {
        if (!open && !busy) onNo();
      }}
    >
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog" initialFocus={field} finalFocus={backTo}>
          <Dialog.Title className="dialog-title">{asked.title}</Dialog.Title>
          <Dialog.Description className="dialog-body">{asked.hint}</Dialog.Description>
          <form className="form" onSubmit={submit}>
            <label className="field">
              <span className="field-label">{asked.label}</span>
              <textarea
                ref={field}
                name="reason"
                rows={3}
                maxLength={500}
                value={text}
                required={asked.required}
                onChange={(event) => setText(event.currentTarget.value)}
                onKeyDown={(event) => {
                  if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing)
                    submit(event);
                }}
              />
              <span className="field-hint">{t.inbox.ask.send}</span>
            </label>
            {asked.offers.length > 0 ? (
              <div className="offers">
                {asked.offers.map((offer) => (
                  <button
                    key={offer}
                    type="button"
                    className="chip"
                    onClick={() => {
                      setText(offer);
                      field.current?.focus();
                    }}
                  >
                    {offer}
                  </button>
                ))}
              </div>
            ) : null}
            {error ? <Problem error={error} /> : null}
            <div className="dialog-actions">
              <Dialog.Close className="button" disabled={busy}>
                {t.inbox.ask.go}
              </Dialog.Close>
              <button
                type="submit"
                className={asked.dangerous ? "button button-danger" : "button button-primary"}
                disabled={!ready}
                aria-busy={busy}
              >
                {asked.yes}
              </button>
            </div>
          </form>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
