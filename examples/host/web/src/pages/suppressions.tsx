import "../office/office.css";

import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useRef, useState } from "react";

import { useSay, word } from "../i18n";
import { usePace } from "../live";
import {
  EVERY,
  SUPPRESSIONS_PAGE,
  suppressionsQuery,
  type Suppression,
  type SuppressionSearch,
} from "../office/queries";
import { AddSuppression, CHANNELS, Lift, SuppressionTable } from "../office/suppressions";
import { useMay } from "../people/role";
import { useTyped } from "../people/typed";
import { Icon } from "../ui/icon";
import { Empty, Loading, Notice, Problem } from "../ui/parts";
import { useTitle } from "../ui/shell";

function Filters({
  search,
  onChange,
}: {
  search: SuppressionSearch;
  onChange: (next: SuppressionSearch) => void;
}) {
  const { t } = useSay();
  const words = t.office.suppressions;
  const { address, channel } = search;
  const typed = useTyped(address ?? "", (text) =>
    onChange({ ...(text ? { address: text } : {}), ...(channel ? { channel } : {}) }),
  );
  const choices = [...CHANNELS, EVERY];
  return (
    <form
      role="search"
      className="office-filters"
      onSubmit={(event) => {
        event.preventDefault();
        typed.now(typed.text);
      }}
    >
      <input
        type="search"
        name="address"
        aria-label={words.search}
        placeholder={words.search}
        autoComplete="off"
        spellCheck={false}
        maxLength={500}
        value={typed.text}
        onChange={(event) => typed.type(event.target.value)}
      />
      <label className="office-choice">
        <span>{words.channel}</span>
        <select
          name="channel"
          value={channel ?? ""}
          onChange={(event) =>
            onChange({
              ...(address ? { address } : {}),
              ...(event.target.value ? { channel: event.target.value } : {}),
            })
          }
        >
          <option value="">{words.any}</option>
          {choices.map((one) => (
            <option key={one} value={one}>
              {one === EVERY ? words.erased : word(t.channel, one)}
            </option>
          ))}
          {channel && !choices.includes(channel) ? <option value={channel}>{channel}</option> : null}
        </select>
      </label>
    </form>
  );
}

function Nothing({ search }: { search: SuppressionSearch }) {
  const { t } = useSay();
  const words = t.office.suppressions;
  if (!search.address && !search.channel && !search.skip) {
    return <Empty title={words.empty}>{words.emptyHint}</Empty>;
  }
  return (
    <Empty
      title={search.address ? words.emptyFound : words.emptyChannel}
      action={
        <Link to="/suppressions" search={{}} className="button">
          {words.all}
        </Link>
      }
    >
      {search.address ? words.emptyFoundHint : null}
    </Empty>
  );
}

export function SuppressionsPage() {
  const { t } = useSay();
  const words = t.office.suppressions;
  const search = useSearch({ from: "/inside/suppressions" });
  const navigate = useNavigate({ from: "/suppressions" });
  const may = useMay();
  const found = useQuery({ ...suppressionsQuery(search), refetchInterval: usePace(true) });
  const [asked, setAsked] = useState<Suppression | null>(null);
  const [done, setDone] = useState<"added" | "lifted" | null>(null);
  const said = useRef<HTMLDivElement>(null);
  const skip = search.skip ?? 0;
  const turn = (to: number) => {
    const { address, channel } = search;
    const kept = { ...(address ? { address } : {}), ...(channel ? { channel } : {}) };
    void navigate({ search: to > 0 ? { ...kept, skip: to } : kept });
  };
  useTitle(words.title);
  const page = found.data;
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{words.title}</h1>
          <p className="faint">{words.hint}</p>
        </div>
        {may.write ? <AddSuppression onDone={() => setDone("added")} /> : null}
      </div>
      {/* What was done is where the focus goes on from when its row is gone. */}
      <div role="status" className="notices" ref={said} tabIndex={-1}>
        {done ? (
          <Notice tone="good">
            <p>{words[done]}</p>
          </Notice>
        ) : null}
      </div>
      <Filters
        search={search}
        onChange={(next) => {
          setDone(null);
          void navigate({ search: next, replace: true });
        }}
      />
      {found.isPending ? <Loading lines={6} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {page && !found.error && page.items.length === 0 && skip === 0 ? <Nothing search={search} /> : null}
      {page && !found.error && (page.items.length > 0 || skip > 0) ? (
        <div className="card card-flush">
          <SuppressionTable
            items={page.items}
            stale={found.isPlaceholderData}
            mayLift={may.erase}
            onLift={(one) => {
              setDone(null);
              setAsked(one);
            }}
          />
          {skip > 0 || page.more ? (
            <nav className="pager" aria-label={t.pages.label}>
              <button
                type="button"
                className="button button-small"
                disabled={skip === 0}
                onClick={() => turn(skip - SUPPRESSIONS_PAGE)}
              >
                <Icon name="back" />
                {t.pages.previous}
              </button>
              <button
                type="button"
                className="button button-small"
                disabled={!page.more}
                onClick={() => turn(skip + SUPPRESSIONS_PAGE)}
              >
                {t.pages.next}
                <Icon name="next" />
              </button>
            </nav>
          ) : null}
        </div>
      ) : null}
      <Lift
        one={asked}
        onClose={() => setAsked(null)}
        onDone={() => {
          setAsked(null);
          setDone("lifted");
          // Its button is gone with it.
          requestAnimationFrame(() => said.current?.focus());
        }}
      />
    </>
  );
}
