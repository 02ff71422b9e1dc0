// When messages may leave, by the recipients' clocks.
import { useSay } from "../i18n";
import { Field } from "../people/field";
import { Card } from "../ui/parts";
import { CALENDARS, DAYS } from "./draft";
import { Choice, Several, Switch, type Part } from "./part";

export function TimesPart({ draft, set, wrong }: Part) {
  const { t } = useSay();
  const words = t.campaigns.times;
  const limits =
    draft.quiet ||
    draft.working.length < DAYS.length ||
    draft.holidays.length > 0 ||
    draft.calendars.trim() !== "";
  return (
    <Card title={t.campaigns.part.times}>
      <div className="stack">
        <Switch name="quiet" checked={draft.quiet} onChange={(quiet) => set({ quiet })}>
          {words.quiet}
        </Switch>
        {draft.quiet ? (
          <div className="campaign-times">
            <Field label={words.from} error={wrong("quiet_hours")}>
              {(described) => (
                <input
                  name="from"
                  type="time"
                  required
                  value={draft.from}
                  onChange={(event) => set({ from: event.target.value })}
                  {...described}
                />
              )}
            </Field>
            <Field label={words.until}>
              {() => (
                <input
                  name="until"
                  type="time"
                  required
                  value={draft.until}
                  onChange={(event) => set({ until: event.target.value })}
                />
              )}
            </Field>
          </div>
        ) : null}
        <Several
          name="working"
          label={words.working}
          values={draft.working}
          options={DAYS.map((day) => [day, t.campaigns.day[day]])}
          error={wrong("working_days")}
          onChange={(working) => set({ working })}
        />
        <Several
          name="holidays"
          label={words.holidays}
          values={draft.holidays}
          options={CALENDARS.map((one) => [one, words[one]])}
          onChange={(holidays) => set({ holidays })}
        />
        <Field label={words.calendars} hint={words.calendarsHint} error={wrong("holidays")}>
          {(described) => (
            <input
              name="calendars"
              autoComplete="off"
              autoCapitalize="off"
              spellCheck={false}
              value={draft.calendars}
              onChange={(event) => set({ calendars: event.target.value })}
              {...described}
            />
          )}
        </Field>
        {limits ? (
          <Choice
            name="otherwise"
            label={words.otherwise}
            value={draft.otherwise}
            options={[
              ["hold", words.hold],
              ["skip", words.skip],
            ]}
            onChange={(otherwise) => set({ otherwise })}
          />
        ) : null}
        <Field label={words.spread} hint={words.spreadHint} error={wrong("spread_minutes")}>
          {(described) => (
            <input
              name="spread"
              type="number"
              required
              min={0}
              max={10_080}
              value={draft.spread}
              onChange={(event) => set({ spread: event.target.value })}
              {...described}
            />
          )}
        </Field>
      </div>
    </Card>
  );
}
