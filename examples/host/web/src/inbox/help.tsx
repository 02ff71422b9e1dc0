// All keys at a glance.
import { Dialog } from "@base-ui/react/dialog";

import { useSay } from "../i18n";

const KEYS = [
  ["down", "J", "↓"],
  ["up", "K", "↑"],
  ["approve", "A"],
  ["edit", "E"],
  ["save", "Ctrl", "Enter"],
  ["reject", "R"],
  ["regenerate", "G"],
  ["skip", "S"],
  ["undo", "U"],
  ["select", "X"],
  ["selectAll", "Shift", "X"],
  ["search", "/"],
  ["escape", "Esc"],
  ["help", "?"],
] as const;

export function Help({ onClose, backTo }: { onClose: () => void; backTo: () => HTMLElement | null }) {
  const { t } = useSay();
  const words = t.inbox.help;
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog" finalFocus={backTo}>
          <Dialog.Title className="dialog-title">{words.title}</Dialog.Title>
          <dl className="keys">
            {KEYS.map(([name, ...keys]) => (
              <div key={name}>
                <dt>
                  {keys.map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dt>
                <dd>{words[name]}</dd>
              </div>
            ))}
          </dl>
          <div className="dialog-actions">
            <Dialog.Close className="button button-primary">{words.close}</Dialog.Close>
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
