import "../people/people.css";
import "../campaign/campaign.css";

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";

import { CampaignForm } from "../campaign/form";
import { campaignQuery } from "../campaign/queries";
import type { Campaign } from "../campaign/words";
import { useSay } from "../i18n";
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

export function NewCampaignPage() {
  const { t } = useSay();
  const navigate = useNavigate();
  const may = useMay();
  useTitle(t.create.title);
  return (
    <div className="people-narrow">
      <Link to="/campaigns" className="back">
        <Icon name="back" />
        {t.app.back}
      </Link>
      <div className="page-head">
        <h1>{t.create.title}</h1>
      </div>
      {may.write ? (
        <CampaignForm
          campaign={null}
          back={
            <Link to="/campaigns" className="button">
              {t.create.cancel}
            </Link>
          }
          onSaved={({ id }) => void navigate({ to: "/campaigns/$id", params: { id } })}
          onTheirs={() => undefined}
        />
      ) : (
        <Forbidden />
      )}
    </div>
  );
}

export function EditCampaignPage() {
  const { t } = useSay();
  const { id } = useParams({ from: "/inside/campaigns/$id/edit" });
  const navigate = useNavigate();
  const client = useQueryClient();
  const may = useMay();
  const found = useQuery(campaignQuery(id));
  // The campaign that is edited, and how often it was begun anew.
  const [turn, setTurn] = useState(0);
  useTitle(found.data ? `${t.campaigns.edit} · ${found.data.name}` : undefined);
  const campaign = found.data;
  const show = () => void navigate({ to: "/campaigns/$id", params: { id } });
  const anew = (theirs: Campaign) => {
    client.setQueryData(["campaign", id], theirs);
    setTurn(turn + 1);
  };
  return (
    <div className="people-narrow">
      <Link to="/campaigns/$id" params={{ id }} className="back">
        <Icon name="back" />
        {campaign?.name ?? t.app.back}
      </Link>
      <div className="page-head">
        <h1>{t.campaigns.editTitle}</h1>
      </div>
      {found.isPending ? <Loading lines={8} /> : null}
      {found.error && !campaign ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {campaign && !may.write ? <Forbidden /> : null}
      {campaign && may.write && campaign.status !== "draft" ? (
        <Notice tone="warn" title={t.campaigns.begun}>
          <p>{t.campaigns.begunHint}</p>
        </Notice>
      ) : null}
      {campaign && may.write && campaign.status === "draft" ? (
        <CampaignForm
          key={`${id} ${turn}`}
          campaign={campaign}
          back={
            <Link to="/campaigns/$id" params={{ id }} className="button">
              {t.create.cancel}
            </Link>
          }
          onSaved={show}
          onTheirs={anew}
        />
      ) : null}
    </div>
  );
}
