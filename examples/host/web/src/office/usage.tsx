// What drafts cost, by model, campaign, person or day, and all calls as a file.
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { download } from "../api/download";
import { useSay } from "../i18n";
import { useNames } from "../inbox/queries";
import { usePace } from "../live";
import { sum } from "../money";
import { useMay } from "../people/role";
import { Icon } from "../ui/icon";
import { Card, Loading, Money, Notice, Problem } from "../ui/parts";
import { usageQuery, wrongSpan, type Group, type UsageSearch } from "./queries";

const GROUPS: Group[] = ["model", "day", "actor", "campaign"];

function useGroups(): Record<Group, string> {
  const words = useSay().t.office.settings;
  return { model: words.model, day: words.byDay, actor: words.actor, campaign: words.campaign };
}

/** A sum's name, as its group names it. */
function Name({ group, name }: { group: Group; name: string }) {
  const { t, dayOfMonth } = useSay();
  const names = useNames();
  if (group === "campaign") {
    if (name === "") return <>{t.office.settings.noCampaign}</>;
    return (
      <Link to="/campaigns/$id" params={{ id: name }}>
        <code>{name.slice(0, 8)}</code>
      </Link>
    );
  }
  if (group === "day") return <time dateTime={name}>{`${dayOfMonth(name)}, ${name.slice(0, 4)}`}</time>;
  if (group === "actor") return <>{name === "system" ? t.audit.worker : (names(name) ?? name)}</>;
  return <code>{name || "—"}</code>;
}

function Csv({ search }: { search: UsageSearch }) {
  const { t } = useSay();
  const words = t.office.settings;
  const fetched = useMutation({
    mutationFn: () => {
      const query = new URLSearchParams();
      if (search.from) query.set("from", search.from);
      if (search.to) query.set("to", search.to);
      const asked = query.toString();
      return download(`/api/usage.csv${asked ? `?${asked}` : ""}`, "usage.csv");
    },
  });
  return (
    <div className="office-below">
      <button
        type="button"
        className="button"
        data-csv
        aria-busy={fetched.isPending}
        aria-disabled={fetched.isPending}
        onClick={() => {
          if (!fetched.isPending) fetched.mutate();
        }}
      >
        <Icon name="download" />
        {words.csv}
      </button>
      <p className="faint">{words.csvHint}</p>
      <div role="status">
        {fetched.isSuccess ? (
          <Notice tone="good">
            <p>{words.csvDone}</p>
          </Notice>
        ) : null}
      </div>
      {fetched.error ? <Problem error={fetched.error} retry={() => fetched.mutate()} /> : null}
    </div>
  );
}

export function UsageCard() {
  const { t, number, money } = useSay();
  const words = t.office.settings;
  const may = useMay();
  const groups = useGroups();
  const [search, setSearch] = useState<UsageSearch>({ group: "model", from: "", to: "" });
  const [pages, setPages] = useState(1);
  const found = useQuery({ ...usageQuery(search, pages), refetchInterval: usePace(true) });
  const wrong = wrongSpan(search);
  const items = wrong ? [] : (found.data?.items ?? []);
  const total = sum(items.map((one) => one.cost_usd));
  const choose = (change: Partial<UsageSearch>) => {
    setPages(1);
    setSearch({ ...search, ...change });
  };
  return (
    <Card title={words.usage}>
      <p className="faint office-lead">{words.usageHint}</p>
      <div className="office-filters">
        <label className="office-choice">
          <span>{words.group}</span>
          <select
            name="group"
            value={search.group}
            onChange={(event) =>
              choose({ group: GROUPS.find((one) => one === event.target.value) ?? "model" })
            }
          >
            {GROUPS.map((one) => (
              <option key={one} value={one}>
                {groups[one]}
              </option>
            ))}
          </select>
        </label>
        {(["from", "to"] as const).map((one) => (
          <label key={one} className="office-choice">
            <span>{words[one]}</span>
            <input
              type="date"
              name={one}
              value={search[one]}
              aria-invalid={wrong}
              onChange={(event) => choose({ [one]: event.target.value })}
            />
          </label>
        ))}
      </div>
      {wrong ? (
        <p role="alert" className="people-wrong">
          {words.wrongSpan}
        </p>
      ) : null}
      {found.isPending && !wrong ? <Loading lines={3} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data && !wrong && items.length === 0 ? <p className="office-none">{words.noUsage}</p> : null}
      {items.length > 0 ? (
        <table
          className={
            found.isPlaceholderData
              ? "table table-stack office-table office-stale"
              : "table table-stack office-table"
          }
          aria-label={words.usage}
          aria-busy={found.isPlaceholderData}
        >
          <thead>
            <tr>
              <th scope="col">{groups[search.group]}</th>
              <th scope="col" className="number">
                {t.cost.calls}
              </th>
              <th scope="col" className="number">
                {t.cost.tokensIn}
              </th>
              <th scope="col" className="number">
                {t.cost.tokensOut}
              </th>
              <th scope="col" className="number">
                {words.reserved}
              </th>
              <th scope="col" className="number">
                {t.cost.amount}
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((one) => (
              <tr key={one.name} data-usage={one.name}>
                <th scope="row">
                  <Name group={search.group} name={one.name} />
                </th>
                <td data-label={t.cost.calls} className="number">
                  {number(one.calls)}
                </td>
                <td data-label={t.cost.tokensIn} className="number">
                  {number(
                    one.input_tokens +
                      one.cache_read_tokens +
                      one.cache_write_5m_tokens +
                      one.cache_write_1h_tokens,
                  )}
                </td>
                <td data-label={t.cost.tokensOut} className="number">
                  {number(one.output_tokens)}
                </td>
                <td data-label={words.reserved} className="number">
                  {money(one.reserved_usd)}
                </td>
                <td data-label={t.cost.amount} className="number">
                  <Money amount={one.cost_usd} />
                </td>
              </tr>
            ))}
          </tbody>
          {found.data?.more ? null : (
            <tfoot>
              <tr data-total={total ?? ""}>
                <th scope="row" colSpan={5}>
                  {t.cost.total}
                </th>
                <td className="number">
                  <Money amount={total} />
                </td>
              </tr>
            </tfoot>
          )}
        </table>
      ) : null}
      {found.data?.more && !wrong ? (
        <button type="button" className="button button-small office-more" onClick={() => setPages(pages + 1)}>
          {words.more}
        </button>
      ) : null}
      {may.write ? <Csv search={search} /> : null}
    </Card>
  );
}
