import { useSay, word } from "../i18n";
import { Card } from "../ui/parts";
import { audience, channel, percent, schedule, sendingTimes, type Campaign } from "./words";

/** What the campaign is. */
export function AboutCard({ campaign }: { campaign: Campaign }) {
  const say = useSay();
  const { t, fill, count, moment } = say;
  const words = t.campaigns;
  const text = campaign.template_id
    ? t.campaign.byTemplate
    : campaign.drafting === "batch"
      ? t.campaign.byModelBatch
      : t.campaign.byModel;
  const channels = [campaign.channel, ...campaign.fallback_channels].map((name) => channel(name, say));
  const times = sendingTimes(campaign, say);
  const dates = campaign.schedule_type === "date";
  const days = count(campaign.ahead_days ?? 1, words.counted.days);
  const leap = campaign.leap_day === "mar_1" ? words.date.mar_1 : words.date.feb_28;
  const skip = campaign.sending_times.otherwise === "skip";
  const { variants, spread_minutes: spread } = campaign;
  const holdout = variants?.holdout_permille ?? 0;
  const all = variants?.arms.reduce((sum, arm) => sum + (arm.weight ?? 1), 0) ?? 0;
  const arms = variants?.arms.map((arm) => `${arm.name} ${percent((arm.weight ?? 1) / all, say)}`);
  const wait = campaign.when_unavailable === "wait" ? words.text.wait : words.text.fallback;
  const rows: [string, string | null | undefined | false][] = [
    [t.list.occasion, t.occasion[campaign.occasion_type]],
    [t.campaign.audience, audience(campaign, say)],
    [t.campaign.schedule, schedule(campaign, say)],
    [words.about.leap, dates && leap],
    [words.about.ahead, dates && fill(words.about.aheadSaid, { n: days })],
    [t.campaign.nextRun, campaign.next_run_at ? moment(campaign.next_run_at) : null],
    [words.about.times, times ?? words.times.always],
    [words.about.otherwise, times !== null && (skip ? words.times.skip : words.times.hold)],
    [
      words.about.spread,
      spread > 0 && fill(words.times.spreadSaid, { n: count(spread, words.counted.minutes) }),
    ],
    [t.campaign.channel, channels.join(" → ")],
    [t.campaign.timeZone, campaign.time_zone],
    [t.campaign.text, text],
    [t.campaign.tone, campaign.tone ? word(t.tone, campaign.tone) : null],
    [t.campaign.context, campaign.custom_context],
    [words.about.unavailable, !campaign.template_id && wait],
    [words.about.variants, arms?.join(" · ")],
    [words.about.holdout, holdout > 0 && percent(holdout / 1000, say)],
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
