// Which days, and by whose clock.
import { Link, useNavigate } from "@tanstack/react-router";

import { useSay } from "../i18n";
import { SPAN, SPANS, type AnalyticsSearch } from "./queries";

const ZONES = Intl.supportedValuesOf("timeZone");
const MINE = new Intl.DateTimeFormat().resolvedOptions().timeZone;

function zoned(zone: string | undefined): { zone?: string } {
  return zone ? { zone } : {};
}

export function Controls({ search }: { search: AnalyticsSearch }) {
  const { t, fill, count } = useSay();
  const words = t.analytics;
  const navigate = useNavigate({ from: "/analytics" });
  const days = search.days ?? SPAN;
  const zone = search.zone ?? "";
  const known = zone === "" || zone === MINE || ZONES.includes(zone);
  return (
    <div className="analytics-controls">
      <nav className="chips analytics-spans" aria-label={words.period}>
        {SPANS.map((one) => (
          <Link
            key={one}
            to="/analytics"
            search={{ ...(one === SPAN ? {} : { days: one }), ...zoned(search.zone) }}
            className={one === days ? "chip chip-active" : "chip"}
            aria-current={one === days ? "true" : undefined}
            replace
          >
            {count(one, words.counted.days)}
          </Link>
        ))}
      </nav>
      <label className="analytics-zone">
        <span>{words.zone}</span>
        <select
          name="zone"
          value={zone}
          onChange={(event) =>
            void navigate({
              search: { ...(days === SPAN ? {} : { days }), ...zoned(event.target.value) },
              replace: true,
            })
          }
        >
          <option value="">{words.zoneWorkspace}</option>
          <option value={MINE}>{fill(words.zoneMine, { zone: MINE })}</option>
          {known ? null : <option value={zone}>{zone}</option>}
          <optgroup label={words.zoneAll}>
            {ZONES.filter((one) => one !== MINE).map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </optgroup>
        </select>
      </label>
    </div>
  );
}
