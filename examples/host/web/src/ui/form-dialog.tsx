// A small form above the page. It stays open while it is refused, with what was typed.
import { Dialog } from "@base-ui/react/dialog";
import { useRef, type ReactNode, type SyntheticEvent } from "react";

import { asFailure } from "../api/failure";
import { useSay } from "../i18n";
import { Problem } from "./parts";

/** What was typed, by the names of the fields. */
export type Given = (name: string) => string;

export function FormDialog({
  open,
  title,
  body,
  yes,
  busy,
  error,
  fields,
  onSubmit,
  onClose,
  children,
}: {
  open: boolean;
  title: string;
  body: string;
  yes: string;
  busy: boolean;
  error: unknown;
  /** Those that tell themselves what is wrong with them. */
  fields: string[];
  onSubmit: (given: Given) => void;
  onClose: () => void;
  /** Gets what the host says of a field. */
  children: (wrong: (name: string) => string | undefined) => ReactNode;
}) {
  const { t } = useSay();
  const first = useRef<HTMLFormElement>(null);
  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    if (busy) return;
    onSubmit((name) => {
      const value = form.get(name);
      return typeof value === "string" ? value : "";
    });
  };
  const failure = error ? asFailure(error) : null;
  const said = new Map(failure?.fields.map((one) => [one.field, one.message]));
  const covered = said.size > 0 && [...said.keys()].every((name) => fields.includes(name));
  return (
    <Dialog.Root
      open={open}
      onOpenChange={(next) => {
        if (!next && !busy) onClose();
      }}
    >
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup
          className="dialog"
          initialFocus={() => first.current?.querySelector<HTMLElement>("input, select") ?? true}
        >
          <Dialog.Title className="dialog-title">{title}</Dialog.Title>
          <Dialog.Description className="dialog-body">{body}</Dialog.Description>
          <form className="form" ref={first} onSubmit={submit}>
            {children((name) => said.get(name))}
            {failure && !covered ? <Problem error={failure} /> : null}
            {failure && covered ? (
              <p className="hidden" role="alert">
                {t.failure.invalid.title}
              </p>
            ) : null}
            <div className="dialog-actions">
              <Dialog.Close className="button" disabled={busy}>
                {t.confirmNo}
              </Dialog.Close>
              <button type="submit" className="button button-primary" aria-busy={busy} aria-disabled={busy}>
                {yes}
              </button>
            </div>
          </form>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
