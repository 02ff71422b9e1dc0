// What is known about a person.
import { useSay } from "../i18n";
import { Card } from "../ui/parts";
import { fieldLabel, fieldText, type FieldName } from "./facts-of";
import { shownValue, type Contact } from "./words";

const SHOWN: FieldName[] = [
  "email",
  "phone",
  "whatsapp",
  "telegram_chat_id",
  "company",
  "position",
  "language",
  "birthday",
  "time_zone",
  "preferred_channels",
  "last_interaction_date",
  "external_id",
];

export function FactsCard({ contact, labels }: { contact: Contact; labels: Map<string, string> }) {
  const say = useSay();
  const { t, moment } = say;
  return (
    <Card title={t.people.page.facts}>
      <dl className="rows">
        {SHOWN.map((name) => {
          const text = fieldText(contact, name, say);
          if (name === "time_zone" && !text && contact.guessed_time_zone) {
            return (
              <div key={name}>
                <dt>{fieldLabel(name, say)}</dt>
                <dd>
                  {contact.guessed_time_zone} <span className="row-hint">{t.people.page.guessed}</span>
                </dd>
              </div>
            );
          }
          return text ? (
            <div key={name}>
              <dt>{fieldLabel(name, say)}</dt>
              <dd>{text}</dd>
            </div>
          ) : null;
        })}
        {Object.entries(contact.custom_fields).map(([name, value]) => (
          <div key={`custom ${name}`}>
            <dt>{labels.get(name) ?? name}</dt>
            <dd>{shownValue(value, say)}</dd>
          </div>
        ))}
        <div>
          <dt>{t.people.page.created}</dt>
          <dd>{moment(contact.created_at)}</dd>
        </div>
        <div>
          <dt>{t.people.page.updated}</dt>
          <dd>{moment(contact.updated_at)}</dd>
        </div>
      </dl>
    </Card>
  );
}
