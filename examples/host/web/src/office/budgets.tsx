// How much may be spent on drafts: the budgets of the workspace, and those of campaigns.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { api, finished, told, type Schemas } from "../api/client";
import { useSay } from "../i18n";
import { usePace } from "../live";
import { thousandths } from "../money";
import { Field } from "../people/field";
import { useMay } from "../people/role";
import { Confirm } from "../ui/confirm";
import { FormDialog } from "../ui/form-dialog";
import { Icon } from "../ui/icon";
import { Bar, Card, Loading, Notice, Problem } from "../ui/parts";
import { budgetsQuery, type Budget } from "./queries";

type Period = Schemas["Period"];

const PERIODS: Period[] = ["day", "total"];

/** What the form sets: a new budget of the workspace, or one that is there. */
type Wanted = "new" | Budget;

function SetBudget({
  wanted,
  free,
  onDone,
  onClose,
}: {
  wanted: Wanted | null;
  free: Period[];
  onDone: () => void;
  onClose: () => void;
}) {
  const { t } = useSay();
  const words = t.office.settings;
  const client = useQueryClient();
  const known = wanted === null || wanted === "new" ? null : wanted;
  const set = useMutation({
    mutationFn: ({ period, limit }: { period: Period; limit: string }) =>
      told(
        api.PUT("/api/budgets", {
          body: {
            campaign_id: known?.campaign_id ?? null,
            period,
            limit_usd: limit,
            // Only over what was seen: 0 is none.
            version: known?.version ?? 0,
          },
        }),
      ),
    onSuccess: onDone,
    onSettled: () => client.invalidateQueries({ queryKey: budgetsQuery.queryKey }),
  });
  return (
    <FormDialog
      open={wanted !== null}
      title={known?.campaign_id ? words.change : words.setTitle}
      body={words.setBody}
      yes={words.setYes}
      busy={set.isPending}
      error={set.error}
      fields={["period", "limit_usd"]}
      onClose={() => {
        set.reset();
        onClose();
      }}
      onSubmit={(given) => {
        const period = known?.period ?? PERIODS.find((one) => one === given("period"));
        if (period) set.mutate({ period, limit: given("limit_usd").trim().replace(",", ".") });
      }}
    >
      {(wrong) => (
        <>
          {known ? (
            <p>
              {words.period}: {words[known.period]}
            </p>
          ) : (
            <Field label={words.period} error={wrong("period")}>
              {(described) => (
                <select name="period" {...described}>
                  {free.map((one) => (
                    <option key={one} value={one}>
                      {words[one]}
                    </option>
                  ))}
                </select>
              )}
            </Field>
          )}
          <Field label={words.limit} hint={words.limitHint} error={wrong("limit_usd")}>
            {(described) => (
              <input
                name="limit_usd"
                inputMode="decimal"
                autoComplete="off"
                maxLength={24}
                defaultValue={known?.limit_usd ?? ""}
                {...described}
              />
            )}
          </Field>
        </>
      )}
    </FormDialog>
  );
}

function Remove({ one, onDone, onClose }: { one: Budget | null; onDone: () => void; onClose: () => void }) {
  const { t } = useSay();
  const words = t.office.settings;
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: (budget: Budget) => {
      const query = budget.campaign_id ? { campaign_id: budget.campaign_id } : {};
      return finished(
        api.DELETE("/api/budgets/{period}", { params: { path: { period: budget.period }, query } }),
      );
    },
    onSuccess: onDone,
    onSettled: () => client.invalidateQueries({ queryKey: budgetsQuery.queryKey }),
  });
  return (
    <Confirm
      question={
        one
          ? { title: words.removeTitle, body: words.removeBody, yes: words.removeYes, dangerous: true }
          : null
      }
      busy={remove.isPending}
      error={remove.error}
      onYes={() => one && remove.mutate(one)}
      onNo={() => {
        remove.reset();
        onClose();
      }}
    />
  );
}

function Line({
  one,
  onChange,
  onRemove,
}: {
  one: Budget;
  onChange: (() => void) | null;
  onRemove: (() => void) | null;
}) {
  const { t, fill, money } = useSay();
  const words = t.office.settings;
  return (
    <li data-budget={one.period} data-limit={one.limit_usd} data-campaign={one.campaign_id ?? ""}>
      <p className="budget-name">
        {one.campaign_id ? (
          <Link to="/campaigns/$id" params={{ id: one.campaign_id }}>
            {words.ofCampaign}
          </Link>
        ) : (
          t.budgets.workspace
        )}
        , {words[one.period]}
      </p>
      <Bar
        label={fill(t.budgets.bar, { limit: money(one.limit_usd) })}
        parts={[
          { name: "spent", share: thousandths(one.spent_usd, one.limit_usd) },
          { name: "reserved", share: thousandths(one.reserved_usd, one.limit_usd) },
        ]}
      />
      <p>{fill(t.budgets.left, { left: money(one.left_usd), limit: money(one.limit_usd) })}</p>
      <p className="faint">
        {fill(t.budgets.used, { spent: money(one.spent_usd), reserved: money(one.reserved_usd) })}
      </p>
      {onChange && onRemove ? (
        <p className="office-deeds">
          <button type="button" className="button button-small" data-change onClick={onChange}>
            {words.change}
          </button>
          <button type="button" className="button button-small" data-remove onClick={onRemove}>
            {words.remove}
          </button>
        </p>
      ) : null}
    </li>
  );
}

export function BudgetsCard() {
  const { t } = useSay();
  const words = t.office.settings;
  const admin = useMay().erase;
  const found = useQuery({ ...budgetsQuery, refetchInterval: usePace(true) });
  const [wanted, setWanted] = useState<Wanted | null>(null);
  const [leaving, setLeaving] = useState<Budget | null>(null);
  const [done, setDone] = useState<"setDone" | "removed" | null>(null);
  const items = found.data?.items ?? [];
  const free = PERIODS.filter((one) => !items.some((b) => b.campaign_id === null && b.period === one));
  return (
    <Card
      title={words.budgets}
      aside={
        admin && found.data && free.length > 0 ? (
          <button
            type="button"
            className="button button-small"
            onClick={() => {
              setDone(null);
              setWanted("new");
            }}
          >
            <Icon name="plus" />
            {words.setNew}
          </button>
        ) : null
      }
    >
      <p className="faint office-lead">{words.budgetsHint}</p>
      <div role="status" className="notices">
        {done ? (
          <Notice tone="good">
            <p>{words[done]}</p>
          </Notice>
        ) : null}
      </div>
      {found.isPending ? <Loading lines={3} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data && items.length === 0 ? <p className="office-none">{words.noBudgets}</p> : null}
      <ul className="budgets">
        {items.map((one) => (
          <Line
            key={`${one.campaign_id ?? ""} ${one.period}`}
            one={one}
            onChange={admin ? () => setWanted(one) : null}
            onRemove={admin ? () => setLeaving(one) : null}
          />
        ))}
      </ul>
      <SetBudget
        wanted={wanted}
        free={free}
        onClose={() => setWanted(null)}
        onDone={() => {
          setWanted(null);
          setDone("setDone");
        }}
      />
      <Remove
        one={leaving}
        onClose={() => setLeaving(null)}
        onDone={() => {
          setLeaving(null);
          setDone("removed");
        }}
      />
    </Card>
  );
}
