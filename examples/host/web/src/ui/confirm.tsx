// A question before something happens. It shows why it failed and stays open then, so that nothing is asked twice.
import { AlertDialog } from "@base-ui/react/alert-dialog";
import type { ReactNode } from "react";

import { useSay } from "../i18n";
import { Problem } from "./parts";

export interface Question {
  title: string;
  body: string;
  yes: string;
  dangerous: boolean;
}

export function Confirm({
  question,
  busy,
  ready = true,
  error,
  onYes,
  onNo,
  children,
}: {
  question: Question | null;
  busy: boolean;
  /** Whether what the question still needs is there. */
  ready?: boolean;
  error: unknown;
  onYes: () => void;
  onNo: () => void;
  children?: ReactNode;
}) {
  const { t } = useSay();
  return (
    <AlertDialog.Root
      open={question !== null}
      onOpenChange={(open) => {
        if (!open && !busy) onNo();
      }}
    >
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="backdrop" />
        <AlertDialog.Popup className="dialog">
          <AlertDialog.Title className="dialog-title">{question?.title}</AlertDialog.Title>
          <AlertDialog.Description className="dialog-body">{question?.body}</AlertDialog.Description>
          {children}
          {error ? <Problem error={error} /> : null}
          <div className="dialog-actions">
            <AlertDialog.Close className="button" disabled={busy}>
              {t.confirmNo}
            </AlertDialog.Close>
            <button
              type="button"
              className={question?.dangerous ? "button button-danger" : "button button-primary"}
              disabled={busy || !ready}
              aria-busy={busy}
              onClick={onYes}
            >
              {question?.yes}
            </button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
