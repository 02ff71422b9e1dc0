import "../analytics/analytics.css";

import { useSearch } from "@tanstack/react-router";

import { AiCard, Figures, OccasionCard, SegmentCard, StatusCard, TimelineCard } from "../analytics/cards";
import { Controls } from "../analytics/controls";
import { PerformanceCard } from "../analytics/performance";
import { SPAN } from "../analytics/queries";
import { useSay } from "../i18n";
import { useTitle } from "../ui/shell";

export function AnalyticsPage() {
  const { t } = useSay();
  const search = useSearch({ from: "/inside/analytics" });
  const days = search.days ?? SPAN;
  useTitle(t.analytics.title);
  return (
    <>
      <div className="page-head analytics-head">
        <h1>{t.analytics.title}</h1>
        <Controls search={search} />
      </div>
      <div className="stack">
        <Figures />
        <TimelineCard days={days} zone={search.zone} />
        <div className="analytics-pair">
          <StatusCard />
          <OccasionCard />
        </div>
        <PerformanceCard />
        <div className="analytics-pair">
          <AiCard days={days} />
          <SegmentCard />
        </div>
      </div>
    </>
  );
}
