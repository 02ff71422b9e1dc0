import "../people/people.css";

import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";

import { useSay } from "../i18n";
import { usePace } from "../live";
import { ConsentCard } from "../people/consent";
import { EraseButton } from "../people/erase";
import { DownloadAll, PlansCard } from "../people/everything";
import { FactsCard } from "../people/facts";
import { OptInButton } from "../people/opt-in";
import { fieldsQuery, personQuery } from "../people/queries";
import { useMay } from "../people/role";
import { TimelineCard } from "../people/timeline";
import { segmentName, type Contact } from "../people/words";
import { Icon } from "../ui/icon";
import { Badge, Loading, Notice, Problem } from "../ui/parts";
import { useTitle } from "../ui/shell";

function Head({ contact }: { contact: Contact }) {
  const { t } = useSay();
  const may = useMay();
  const navigate = useNavigate();
  const about = [contact.position, contact.company].filter(Boolean).join(" · ");
  const there = !contact.merged_into;
  return (
    <div className="page-head">
      <div>
        <h1>{contact.merged_into ? t.people.page.merged : contact.name}</h1>
        {about ? <p className="faint">{about}</p> : null}
        {there ? (
          <p className="badges">
            <Badge tone={contact.segment === "VIP" ? "info" : "neutral"}>
              {segmentName(contact.segment, t)}
            </Badge>
            {contact.tags.map((tag) => (
              <span key={tag} className="people-tag">
                {tag}
              </span>
            ))}
          </p>
        ) : null}
      </div>
      {there && may.write ? (
        <div className="actions">
          <Link to="/contacts/$id/edit" params={{ id: contact.id }} className="button button-primary">
            {t.people.page.edit}
          </Link>
          <OptInButton contact={contact} />
          <Link to="/contacts/$id/merge" params={{ id: contact.id }} className="button">
            {t.people.merge.open}
          </Link>
          {may.erase ? (
            <EraseButton
              contact={contact}
              onDone={() => void navigate({ to: "/contacts", search: { erased: true }, replace: true })}
            />
          ) : null}
        </div>
      ) : null}
    </div>
  );
}

function Done() {
  const { t } = useSay();
  const { done } = useSearch({ from: "/inside/contacts/$id" });
  return (
    <div role="status" className="notices">
      {done ? (
        <Notice tone="good">
          <p>{t.people.done[done]}</p>
        </Notice>
      ) : null}
    </div>
  );
}

export function ContactPage() {
  const { t } = useSay();
  const { id } = useParams({ from: "/inside/contacts/$id" });
  const may = useMay();
  const found = useQuery({ ...personQuery(id), refetchInterval: usePace(true) });
  const fields = useQuery(fieldsQuery).data?.items ?? [];
  const labels = new Map(fields.map((one) => [one.name, one.label ?? one.name]));
  const contact = found.data;
  useTitle(contact?.name);
  const there = contact && !contact.merged_into;
  return (
    <>
      <Link to="/contacts" className="back">
        <Icon name="back" />
        {t.people.page.back}
      </Link>
      {found.isPending ? <Loading lines={8} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {contact ? (
        <>
          <Head contact={contact} />
          <Done />
          {contact.merged_into ? (
            <Notice tone="info">
              <p>
                {t.people.page.mergedHint}{" "}
                <Link to="/contacts/$id" params={{ id: contact.merged_into }}>
                  {t.people.page.mergedLink}
                </Link>
              </p>
            </Notice>
          ) : null}
          <div className="columns">
            <div className="stack">
              <TimelineCard key={`timeline ${id}`} id={id} />
              {may.write && there ? <PlansCard key={`plans ${id}`} contact={contact} /> : null}
            </div>
            <div className="stack">
              {there ? <FactsCard contact={contact} labels={labels} /> : null}
              {there ? <ConsentCard contact={contact} /> : null}
              {may.write && there ? <DownloadAll key={`all ${id}`} contact={contact} /> : null}
            </div>
          </div>
        </>
      ) : null}
    </>
  );
}
