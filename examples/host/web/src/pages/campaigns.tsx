import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useSyncExternalStore } from "react";

import { CAMPAIGNS_PAGE, campaignsQuery } from "../campaign/queries";
import { channel, STATUS_TONES, type Campaign } from "../campaign/words";
import { useSay } from "../i18n";
import { usePace } from "../live";
import { STATUSES, type Status } from "../router";
import { current, subscribe } from "../session";
import { Icon } from "../ui/icon";
import { Badge, Empty, Loading, Pager, Problem } from "../ui/parts";
import { useTitle } from "../ui/shell";

function Row({ campaign }: { campaign: Campaign }) {
  const say = useSay();
  const { t, number, day } = say;
  return (
    <tr>
      <th scope="row">
        <Link to="/campaigns/$id" params={{ id: campaign.id }} className="row-link">
          {campaign.name}
        </Link>
        <span className="row-hint">
          {t.occasion[campaign.occasion_type]} · {channel(campaign.channel, say)}
        </span>
      </th>
      <td data-label={t.list.status}>
        <Badge tone={STATUS_TONES[campaign.status]}>{t.status[campaign.status]}</Badge>
        {campaign.test_mode ? <Badge tone="warn">{t.campaign.testMode}</Badge> : null}
      </td>
      <td data-label={t.list.drafted} className="number">
        {number(campaign.stats.generated_count)}
      </td>
      <td data-label={t.list.sent} className="number">
        {number(campaign.stats.sent_count)}
      </td>
      <td data-label={t.list.failed} className="number">
        {number(campaign.stats.failed_count)}
      </td>
      <td data-label={t.list.created}>{day(campaign.created_at)}</td>
    </tr>
  );
}

export function CampaignsPage() {
  const { t } = useSay();
  const { status, skip = 0 } = useSearch({ from: "/inside/campaigns" });
  const navigate = useNavigate({ from: "/campaigns" });
  const role = useSyncExternalStore(subscribe, current)?.user.role;
  const found = useQuery({
    ...campaignsQuery(status, skip),
    refetchInterval: usePace(true),
  });
  useTitle(t.list.title);
  const create =
    role === "viewer" ? null : (
      <Link to="/campaigns/new" className="button button-primary">
        <Icon name="plus" />
        {t.list.new}
      </Link>
    );
  const choices: [string, Status | undefined][] = [
    [t.list.all, undefined],
    ...(Object.keys(STATUSES) as Status[]).map((one): [string, Status] => [t.status[one], one]),
  ];
  return (
    <>
      <div className="page-head">
        <h1>{t.list.title}</h1>
        {create}
      </div>
      <nav className="chips" aria-label={t.list.status}>
        {choices.map(([name, one]) => (
          <Link
            key={name}
            to="/campaigns"
            search={one ? { status: one } : {}}
            className={status === one ? "chip chip-active" : "chip"}
            aria-current={status === one ? "true" : undefined}
          >
            {name}
          </Link>
        ))}
      </nav>
      {found.isPending ? <Loading lines={6} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data && found.data.items.length === 0 ? (
        status || skip > 0 ? (
          <Empty
            title={t.list.emptyFiltered}
            action={
              <Link to="/campaigns" search={{}} className="button">
                {t.list.showAll}
              </Link>
            }
          >
            {t.list.emptyFilteredHint}
          </Empty>
        ) : (
          <Empty title={t.list.empty} action={create}>
            {t.list.emptyHint}
          </Empty>
        )
      ) : null}
      {found.data && found.data.items.length > 0 ? (
        <div className="card card-flush">
          <table className="table table-stack" aria-label={t.list.title}>
            <thead>
              <tr>
                <th scope="col">{t.list.name}</th>
                <th scope="col">{t.list.status}</th>
                <th scope="col" className="number">
                  {t.list.drafted}
                </th>
                <th scope="col" className="number">
                  {t.list.sent}
                </th>
                <th scope="col" className="number">
                  {t.list.failed}
                </th>
                <th scope="col">{t.list.created}</th>
              </tr>
            </thead>
            <tbody>
              {found.data.items.map((campaign) => (
                <Row key={campaign.id} campaign={campaign} />
              ))}
            </tbody>
          </table>
          <Pager
            skip={skip}
            limit={CAMPAIGNS_PAGE}
            total={found.data.total}
            onMove={(to) => void navigate({ search: { ...(status ? { status } : {}), skip: to } })}
          />
        </div>
      ) : null}
    </>
  );
}
