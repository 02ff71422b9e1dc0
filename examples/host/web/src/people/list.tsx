import { Link } from "@tanstack/react-router";

import { useSay } from "../i18n";
import { Badge } from "../ui/parts";
import { languageName, segmentName, type Contact } from "./words";

/** As many tags as a row has room for. */
const TAGS = 3;

function Row({ contact }: { contact: Contact }) {
  const { t, day } = useSay();
  const about = [contact.position, contact.company].filter(Boolean).join(" · ");
  const address = contact.email ?? contact.telegram_chat_id;
  return (
    <tr>
      <th scope="row">
        <Link to="/contacts/$id" params={{ id: contact.id }} className="row-link">
          {contact.name}
        </Link>
        {about ? <span className="row-hint">{about}</span> : null}
      </th>
      <td data-label={t.people.list.addresses} className="people-addresses">
        <div>
          {address ? <span>{address}</span> : null}
          {contact.phone ? <span className={address ? "row-hint" : ""}>{contact.phone}</span> : null}
          {address || contact.phone ? null : "—"}
        </div>
      </td>
      <td data-label={t.people.list.segment}>
        <span className="people-badges">
          <Badge tone={contact.segment === "VIP" ? "info" : "neutral"}>
            {segmentName(contact.segment, t)}
          </Badge>
          {contact.tags.slice(0, TAGS).map((tag) => (
            <span key={tag} className="people-tag">
              {tag}
            </span>
          ))}
          {contact.tags.length > TAGS ? (
            <span className="people-tag" title={contact.tags.slice(TAGS).join(", ")}>
              +{contact.tags.length - TAGS}
            </span>
          ) : null}
        </span>
      </td>
      <td data-label={t.people.list.language} lang={contact.language} className="people-less">
        {languageName(contact.language)}
      </td>
      <td data-label={t.people.list.created} className="people-less">
        {day(contact.created_at)}
      </td>
    </tr>
  );
}

export function PeopleTable({ contacts, stale }: { contacts: Contact[]; stale: boolean }) {
  const { t } = useSay();
  return (
    <table
      className={stale ? "table table-stack people-table people-stale" : "table table-stack people-table"}
      aria-label={t.people.list.title}
      aria-busy={stale}
    >
      <thead>
        <tr>
          <th scope="col">{t.people.list.name}</th>
          <th scope="col">{t.people.list.addresses}</th>
          <th scope="col">{t.people.list.segment}</th>
          <th scope="col">{t.people.list.language}</th>
          <th scope="col">{t.people.list.created}</th>
        </tr>
      </thead>
      <tbody>
        {contacts.map((contact) => (
          <Row key={contact.id} contact={contact} />
        ))}
      </tbody>
    </table>
  );
}
