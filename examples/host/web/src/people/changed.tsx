// Somebody changed the contact while it was being edited: what they changed, and what now.
import { useSay } from "../i18n";
import { Notice } from "../ui/parts";
import { fieldLabel, fieldText, FIELDS } from "./facts-of";
import type { Contact } from "./words";

export function Changed({ before, now, onMine }: { before: Contact; now: Contact; onMine: () => void }) {
  const say = useSay();
  const { t, fill, moment } = say;
  const text = (contact: Contact, name: (typeof FIELDS)[number]) => fieldText(contact, name, say);
  const changed = FIELDS.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(now[name]));
  return (
    <div role="alert">
      <Notice tone="warn" title={fill(t.people.changed.title, { at: moment(now.updated_at) })}>
        <p>{t.people.changed.hint}</p>
        <ul>
          {changed.map((name) => (
            <li key={name}>
              {fieldLabel(name, say)}: <del>{text(before, name) || "—"}</del> →{" "}
              <ins>{text(now, name) || "—"}</ins>
            </li>
          ))}
        </ul>
        <button type="button" className="button button-small" onClick={onMine}>
          {t.people.changed.mine}
        </button>
      </Notice>
    </div>
  );
}
