import "../people/people.css";
import "../analytics/analytics.css";
import "../campaign/campaign.css";

import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";

import { AboutCard } from "../campaign/about";
import { Actions, LEADS_TO, type Deed } from "../campaign/actions";
import { BudgetsCard } from "../campaign/budgets";
import { CopyButton, EditLink, RemoveButton } from "../campaign/copy";
import { CostCard } from "../campaign/cost";
import { ExperimentCard } from "../campaign/experiment";
import { SendTimes } from "../campaign/send-times";
import { PlanCard } from "../campaign/plan";
import { ProgressCard } from "../campaign/progress";
import { campaignQuery } from "../campaign/queries";
import { moves, STATUS_TONES, type Campaign } from "../campaign/words";
import { useSay } from "../i18n";
import { usePace } from "../live";
import { useMay } from "../people/role";
import { Icon } from "../ui/icon";
import { Badge, Loading, Notice, Problem } from "../ui/parts";
import { useTitle } from "../ui/shell";

function Head({
  campaign,
  done,
  onDone,
}: {
  campaign: Campaign;
  done: Deed | null;
  onDone: (deed: Deed) => void;
}) {
  const { t, fill, moment } = useSay();
  const may = useMay();
  const readOnly = campaign.allowed_actions.length === 0 && (campaign.status === "draft" || moves(campaign));
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{campaign.name}</h1>
          <p className="badges">
            <Badge tone={STATUS_TONES[campaign.status]}>{t.status[campaign.status]}</Badge>
            {campaign.test_mode ? <Badge tone="warn">{t.campaign.testMode}</Badge> : null}
          </p>
        </div>
        <div className="actions">
          <Actions campaign={campaign} onDone={onDone} />
          {may.write ? (
            <>
              <EditLink campaign={campaign} />
              <CopyButton campaign={campaign} />
              <RemoveButton campaign={campaign} />
            </>
          ) : null}
        </div>
      </div>
      <div role="status" className="notices">
        {done && LEADS_TO[done].includes(campaign.status) ? (
          <Notice tone="good">
            <p>{t.done[done]}</p>
          </Notice>
        ) : null}
      </div>
      {campaign.test_mode && moves(campaign) ? (
        <Notice tone="info">
          <p>{t.campaign.testModeHint}</p>
        </Notice>
      ) : null}
      {campaign.waiting ? (
        <Notice tone="warn" title={fill(t.campaign.waiting, { reason: campaign.waiting.reason })}>
          <p>{fill(t.campaign.waitingSince, { at: moment(campaign.waiting.since) })}</p>
        </Notice>
      ) : null}
      {readOnly ? <p className="faint">{t.campaign.readOnly}</p> : null}
    </>
  );
}

export function CampaignPage() {
  const { t } = useSay();
  const { id } = useParams({ from: "/inside/campaigns/$id" });
  const [done, setDone] = useState<Deed | null>(null);
  const moving = usePace(true);
  const found = useQuery({
    ...campaignQuery(id),
    refetchInterval: ({ state }) => (state.data && moves(state.data) ? moving : false),
  });
  useTitle(found.data?.name);
  return (
    <>
      <Link to="/campaigns" className="back">
        <Icon name="back" />
        {t.app.back}
      </Link>
      {found.isPending ? <Loading lines={6} /> : null}
      {found.error && !found.data ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data ? (
        <>
          <Head campaign={found.data} done={done} onDone={setDone} />
          <div className="columns">
            <div className="stack">
              <CostCard campaign={found.data} />
              <ExperimentCard campaign={found.data} />
              <SendTimes campaign={found.data} />
              <PlanCard campaign={found.data} />
            </div>
            <div className="stack">
              <ProgressCard campaign={found.data} />
              <BudgetsCard campaign={found.data} />
              <AboutCard campaign={found.data} />
            </div>
          </div>
        </>
      ) : null}
    </>
  );
}
