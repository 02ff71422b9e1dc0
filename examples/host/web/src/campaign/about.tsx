import { useSay, word } from "../i18n";
import { Card } from "../ui/parts";
import { audience, channel, schedule, type Campaign } from "./words";

/** What the campaign is. */
export function AboutCard({ campaign }: { campaign: Campaign }) {
  const say = useSay();
  const { t, moment } = say;
  const text = campaign.template_id
    ? t.campaign.byTemplate
    : campaign.drafting === "batch"
      ? t.campaign.byModelBatch
      : t.campaign.byModel;
  const channels = [campaign.channel, ...campaign.fallback_channels].map((name) => channel(name, say));
  const rows: [string, string | null | undefined][] = [
    [t.list.occasion, t.occasion[campaign.occasion_type]],
    [t.campaign.audience, audience(campaign, say)],
    [t.campaign.schedule, schedule(campaign, say)],
    [t.campaign.nextRun, campaign.next_run_at ? moment(campaign.next_run_at) : null],
    [t.campaign.channel, channels.join(" → ")],
    [t.campaign.timeZone, campaign.time_zone],
    [t.campaign.text, text],
    [t.campaign.tone, campaign.tone ? word(t.tone, campaign.tone) : null],
    [t.campaign.context, campaign.custom_context],
    [t.campaign.created, moment(campaign.created_at)],
  ];
  return (
    <Card title={t.campaign.about}>
      {campaign.description ? <p className="about-text">{campaign.description}</p> : null}
      <dl className="rows">
        {rows.map(([label, value]) =>
          value ? (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ) : null,
        )}
      </dl>
    </Card>
  );
}
