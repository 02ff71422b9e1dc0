import "../audit/audit.css";

import { useNavigate, useSearch } from "@tanstack/react-router";

import { AuditFilters } from "../audit/filters";
import { EventList } from "../audit/list";
import { moved, useEventPage } from "../audit/page-of";
import { EVENTS_PAGE } from "../audit/queries";
import { useVerify, Verified, VerifyButton } from "../audit/verify";
import { useSay } from "../i18n";
import { Empty, Loading, Pager, Problem } from "../ui/parts";
import { useTitle } from "../ui/shell";

export function AuditPage() {
  const { t } = useSay();
  const words = t.audit;
  const search = useSearch({ from: "/inside/audit" });
  const navigate = useNavigate({ from: "/audit" });
  const page = useEventPage(search);
  const verify = useVerify();
  const narrowed = search.contact !== undefined || search.message !== undefined;
  useTitle(words.title);
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{words.title}</h1>
          <p className="faint">{words.hint}</p>
        </div>
        <VerifyButton verify={verify} />
      </div>
      <div role="status" className="notices">
        <Verified verify={verify} />
      </div>
      <AuditFilters search={search} />
      {page.pending ? <Loading lines={8} /> : null}
      {page.error ? <Problem error={page.error} retry={page.again} /> : null}
      {!page.pending && !page.error && page.events.length === 0 ? (
        <Empty title={narrowed ? words.emptyFiltered : words.empty}>{words.later}</Empty>
      ) : null}
      {page.events.length > 0 ? (
        <div className="card card-flush">
          <EventList events={page.events} stale={page.stale} />
          <Pager
            skip={page.skip}
            limit={EVENTS_PAGE}
            total={page.total}
            onMove={(skip) => void navigate({ search: moved(search, skip, page.total) })}
          />
        </div>
      ) : null}
    </>
  );
}
