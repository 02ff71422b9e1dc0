import "../people/people.css";

import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";

import { useSay } from "../i18n";
import { usePace } from "../live";
import { ExportButton } from "../people/export";
import { Filters } from "../people/filters";
import { PeopleTable } from "../people/list";
import { PEOPLE_PAGE, peopleQuery } from "../people/queries";
import { useMay } from "../people/role";
import { changed, isFiltered, type PeopleSearch } from "../people/search";
import { Icon } from "../ui/icon";
import { Empty, Loading, Notice, Problem } from "../ui/parts";
import { useTitle } from "../ui/shell";

/** Pages whose places are known by what came before them alone. */
function Turn({
  search,
  shown,
  total,
  next,
}: {
  search: PeopleSearch;
  shown: number;
  total: number;
  next: string | null | undefined;
}) {
  const { t, fill, number } = useSay();
  const navigate = useNavigate({ from: "/contacts" });
  const before = search.after ?? [];
  if (before.length === 0 && !next) return null;
  const turn = (after: string[]) =>
    void navigate({ search: { ...changed(search, {}), ...(after.length ? { after } : {}) } });
  const first = before.length * PEOPLE_PAGE;
  return (
    <nav className="pager" aria-label={t.pages.label}>
      <button
        type="button"
        className="button button-small"
        disabled={before.length === 0}
        onClick={() => turn(before.slice(0, -1))}
      >
        <Icon name="back" />
        {t.pages.previous}
      </button>
      <span className="pager-range">
        {fill(t.pages.range, { from: number(first + 1), to: number(first + shown), total: number(total) })}
      </span>
      <button
        type="button"
        className="button button-small"
        disabled={!next}
        onClick={() => next && turn([...before, next])}
      >
        {t.pages.next}
        <Icon name="next" />
      </button>
    </nav>
  );
}

function Nobody({ filtered, write }: { filtered: boolean; write: boolean }) {
  const { t } = useSay();
  if (filtered) {
    return (
      <Empty
        title={t.people.list.emptyFiltered}
        action={
          <Link to="/contacts" search={{}} className="button">
            {t.people.list.showAll}
          </Link>
        }
      >
        {t.people.list.emptyFilteredHint}
      </Empty>
    );
  }
  return (
    <Empty
      title={t.people.list.empty}
      action={
        write ? (
          <Link to="/contacts/import" className="button button-primary">
            <Icon name="upload" />
            {t.people.list.import}
          </Link>
        ) : null
      }
    >
      {t.people.list.emptyHint}
    </Empty>
  );
}

export function ContactsPage() {
  const { t, count } = useSay();
  const search = useSearch({ from: "/inside/contacts" });
  const navigate = useNavigate({ from: "/contacts" });
  const may = useMay();
  const found = useQuery({ ...peopleQuery(search), refetchInterval: usePace(true) });
  useTitle(t.people.list.title);
  const page = found.data;
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{t.people.list.title}</h1>
          <p className="faint people-total" role="status">
            {page && !found.isPlaceholderData ? count(page.total, t.people.counted.contacts) : "\u00a0"}
          </p>
        </div>
        {may.write ? (
          <div className="actions">
            <ExportButton search={search} total={page?.total} />
            <Link to="/contacts/import" className="button">
              <Icon name="upload" />
              {t.people.list.import}
            </Link>
            <Link to="/contacts/new" className="button button-primary">
              <Icon name="plus" />
              {t.people.list.new}
            </Link>
          </div>
        ) : null}
      </div>
      <div role="status" className="notices">
        {search.erased ? (
          <Notice tone="good">
            <p>{t.people.done.erased}</p>
          </Notice>
        ) : null}
      </div>
      <Filters
        search={search}
        onChange={(change) => void navigate({ search: (before) => changed(before, change), replace: true })}
        onClear={() => void navigate({ search: {} })}
      />
      {found.isPending ? <Loading lines={8} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {page && page.items.length === 0 ? (
        <Nobody filtered={isFiltered(search) || search.after !== undefined} write={may.write} />
      ) : null}
      {page && page.items.length > 0 ? (
        <div className="card card-flush">
          <PeopleTable contacts={page.items} stale={found.isPlaceholderData} />
          <Turn search={search} shown={page.items.length} total={page.total} next={page.next_cursor} />
        </div>
      ) : null}
    </>
  );
}
