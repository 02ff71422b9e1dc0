// Again and again: the usual cases in words, and whatever else cron or a calendar's rule can say.
import { useSay } from "../i18n";
import { Field } from "../people/field";
import { DAYS } from "./draft";
import { Several, type Part } from "./part";
import { RULES, ruleOf, WEEK, type Repeat, type RuleName } from "./repeat";

function RuleFields({ draft, set, wrong }: Part) {
  const { t } = useSay();
  const words = t.campaigns.often;
  return (
    <>
      <Field label={words.example}>
        {() => (
          <select
            name="example"
            value={ruleOf(draft.rule).name ?? ""}
            onChange={(event) => {
              const name = event.target.value as RuleName | "";
              if (name) set({ rule: RULES[name] });
            }}
          >
            <option value="">{words.own}</option>
            {Object.entries(t.campaigns.rule).map(([name, said]) => (
              <option key={name} value={name}>
                {said}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={words.ruleField} hint={words.ruleHint} error={wrong("recurrence_rule")}>
        {(described) => (
          <input
            name="rule"
            className="people-code"
            required
            placeholder="FREQ=WEEKLY;BYDAY=MO"
            pattern="[^=]+=.*"
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            value={draft.rule}
            onChange={(event) => set({ rule: event.target.value })}
            {...described}
          />
        )}
      </Field>
      <Field label={words.starts} hint={words.startsHint} error={wrong("scheduled_at")}>
        {(described) => (
          <input
            name="starts"
            type="datetime-local"
            required
            max="2999-12-31T23:59"
            value={draft.starts}
            onChange={(event) => set({ starts: event.target.value })}
            {...described}
          />
        )}
      </Field>
    </>
  );
}

export function OftenFields(part: Part) {
  const { draft, set, wrong } = part;
  const { t } = useSay();
  const words = t.campaigns.often;
  const usual = draft.repeat === "daily" || draft.repeat === "weekly" || draft.repeat === "monthly";
  const said: [Repeat, string][] = [
    ["daily", words.daily],
    ["weekly", words.weekly],
    ["monthly", words.monthly],
    ["rule", words.rule],
    ["cron", words.cron],
  ];
  return (
    <>
      <div className="people-grid">
        <Field label={words.label} error={usual ? wrong("recurrence_rule") : undefined}>
          {(described) => (
            <select
              name="repeat"
              value={draft.repeat}
              onChange={(event) => set({ repeat: event.target.value as Repeat })}
              {...described}
            >
              {said.map(([value, name]) => (
                <option key={value} value={value}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
        {usual ? (
          <Field label={words.time}>
            {() => (
              <input
                name="time"
                type="time"
                required
                value={draft.time}
                onChange={(event) => set({ time: event.target.value })}
              />
            )}
          </Field>
        ) : null}
        {draft.repeat === "monthly" ? (
          <Field label={words.monthDay} hint={Number(draft.monthDay) > 28 ? words.monthDayHint : undefined}>
            {(described) => (
              <input
                name="monthDay"
                type="number"
                required
                min={1}
                max={31}
                value={draft.monthDay}
                onChange={(event) => set({ monthDay: event.target.value })}
                {...described}
              />
            )}
          </Field>
        ) : null}
      </div>
      {draft.repeat === "weekly" ? (
        <Several
          name="days"
          label={words.days}
          values={draft.days}
          options={WEEK.map((day, index) => [day, t.campaigns.day[DAYS[index] ?? "monday"]])}
          onChange={(days) => set({ days })}
        />
      ) : null}
      {draft.repeat === "cron" ? (
        <Field label={words.cronField} hint={words.cronHint} error={wrong("recurrence_rule")}>
          {(described) => (
            <input
              name="cron"
              className="people-code"
              required
              placeholder="0 9 * * 1"
              pattern="[^=]*"
              autoComplete="off"
              autoCapitalize="off"
              spellCheck={false}
              value={draft.cron}
              onChange={(event) => set({ cron: event.target.value })}
              {...described}
            />
          )}
        </Field>
      ) : null}
      {draft.repeat === "rule" ? <RuleFields {...part} /> : null}
    </>
  );
}
