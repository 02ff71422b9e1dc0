import "../people/people.css";

import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";

import { useSay } from "../i18n";
import { Finder, Merge } from "../people/merge";
import { personQuery } from "../people/queries";
import { useMay } from "../people/role";
import { Icon } from "../ui/icon";
import { Loading, Notice, Problem } from "../ui/parts";
import { useTitle } from "../ui/shell";

export function MergeContactPage() {
  const { t } = useSay();
  const { id } = useParams({ from: "/inside/contacts/$id/merge" });
  const { other } = useSearch({ from: "/inside/contacts/$id/merge" });
  const navigate = useNavigate({ from: "/contacts/$id/merge" });
  const may = useMay();
  const found = useQuery(personQuery(id));
  useTitle(t.people.merge.pageTitle);
  return (
    <>
      <Link to="/contacts/$id" params={{ id }} className="back">
        <Icon name="back" />
        {found.data?.name ?? t.people.page.back}
      </Link>
      <div className="page-head">
        <h1>{t.people.merge.pageTitle}</h1>
      </div>
      {found.isPending ? <Loading lines={6} /> : null}
      {found.error && !found.data ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {may.write ? null : (
        <Notice tone="warn" title={t.failure.forbidden.title}>
          <p>{t.failure.forbidden.hint}</p>
        </Notice>
      )}
      {found.data && may.write && other === undefined ? (
        <Finder not={id} onChoose={(chosen) => void navigate({ search: { other: chosen } })} />
      ) : null}
      {found.data && may.write && other !== undefined ? (
        <Merge
          key={other}
          kept={found.data}
          goneId={other}
          onOther={() => void navigate({ search: {} })}
          onDone={() => void navigate({ to: "/contacts/$id", params: { id }, search: { done: "merged" } })}
        />
      ) : null}
    </>
  );
}
