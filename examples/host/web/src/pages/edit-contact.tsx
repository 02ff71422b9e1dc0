import "../people/people.css";

import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";

import { useSay } from "../i18n";
import { PersonForm } from "../people/form";
import { personQuery } from "../people/queries";
import { useMay } from "../people/role";
import { Icon } from "../ui/icon";
import { Loading, Notice, Problem } from "../ui/parts";
import { useTitle } from "../ui/shell";

function Forbidden() {
  const { t } = useSay();
  return (
    <Notice tone="warn" title={t.failure.forbidden.title}>
      <p>{t.failure.forbidden.hint}</p>
    </Notice>
  );
}

export function NewContactPage() {
  const { t } = useSay();
  const navigate = useNavigate();
  const may = useMay();
  useTitle(t.people.form.newTitle);
  return (
    <div className="people-narrow">
      <Link to="/contacts" className="back">
        <Icon name="back" />
        {t.people.page.back}
      </Link>
      <div className="page-head">
        <h1>{t.people.form.newTitle}</h1>
      </div>
      {may.write ? (
        <PersonForm
          contact={null}
          back={
            <Link to="/contacts" className="button">
              {t.create.cancel}
            </Link>
          }
          onSaved={({ id }) =>
            void navigate({ to: "/contacts/$id", params: { id }, search: { done: "created" } })
          }
        />
      ) : (
        <Forbidden />
      )}
    </div>
  );
}

export function EditContactPage() {
  const { t } = useSay();
  const { id } = useParams({ from: "/inside/contacts/$id/edit" });
  const navigate = useNavigate();
  const may = useMay();
  const found = useQuery(personQuery(id));
  useTitle(found.data?.name);
  const back = (
    <Link to="/contacts/$id" params={{ id }} className="button">
      {t.create.cancel}
    </Link>
  );
  return (
    <div className="people-narrow">
      <Link to="/contacts/$id" params={{ id }} className="back">
        <Icon name="back" />
        {found.data?.name ?? t.people.page.back}
      </Link>
      <div className="page-head">
        <h1>{t.people.form.editTitle}</h1>
      </div>
      {found.isPending ? <Loading lines={8} /> : null}
      {found.error && !found.data ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data && !may.write ? <Forbidden /> : null}
      {found.data && may.write ? (
        <PersonForm
          key={id}
          contact={found.data}
          back={back}
          onSaved={() => void navigate({ to: "/contacts/$id", params: { id }, search: { done: "saved" } })}
        />
      ) : null}
    </div>
  );
}
