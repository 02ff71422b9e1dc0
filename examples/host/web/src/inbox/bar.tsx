// The decisions, each with its key.
import { useSay } from "../i18n";
import type { Message } from "./order";
import { risk } from "./marks";

export type Choice = "approve" | "edit" | "reject" | "regenerate" | "skip";

export function Bar({
  message,
  admin,
  busy,
  ready,
  onChoose,
}: {
  message: Message;
  admin: boolean;
  busy: boolean;
  /** Whether it was before somebody's eyes long enough: no key pressed twice approves what was not seen. */
  ready: boolean;
  onChoose: (choice: Choice) => void;
}) {
  const { t } = useSay();
  const blocked = risk(message.findings) === 3;
  const choices: [Choice, string, string][] = [
    ["approve", "A", "button button-primary"],
    ["edit", "E", "button"],
    ["reject", "R", "button button-danger"],
    ["regenerate", "G", "button"],
    ["skip", "S", "button"],
  ];
  const held = (choice: Choice) => choice === "approve" && blocked && !admin;
  return (
    <div className="bar-of-deeds" data-ready={ready && !busy}>
      {blocked && !admin ? (
        <p className="bar-why" id="bar-why">
          {t.inbox.failed.blocked}
        </p>
      ) : null}
      <div className="actions">
        {choices.map(([choice, key, look]) => (
          <button
            key={choice}
            type="button"
            className={look}
            data-deed={choice}
            disabled={busy || held(choice)}
            aria-busy={busy}
            aria-keyshortcuts={key}
            aria-describedby={held(choice) ? "bar-why" : undefined}
            onClick={() => onChoose(choice)}
          >
            {choice === "approve" && blocked && admin ? `${t.inbox.deed.approve}…` : t.inbox.deed[choice]}
            <kbd>{key}</kbd>
          </button>
        ))}
      </div>
    </div>
  );
}
