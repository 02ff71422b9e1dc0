// When: at once, on a day, again and again, or on a date of each person.
import { useQuery } from "@tanstack/react-query";

import { useSay } from "../i18n";
import { Field } from "../people/field";
import { fieldsQuery } from "../people/queries";
import { Card } from "../ui/parts";
import { OftenFields } from "./often-fields";
import { Choice, type Part } from "./part";
import { instantOf } from "./wall";

function DayFields({ draft, set, wrong }: Part) {
  const { t, fill, moment } = useSay();
  const words = t.campaigns.when;
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const yours =
    draft.at && !draft.local && draft.zone !== here
      ? fill(words.yours, { at: moment(instantOf(draft.at, draft.zone)) })
      : undefined;
  return (
    <>
      <Field label={words.at} hint={yours} error={wrong("scheduled_at")}>
        {(described) => (
          <input
            name="at"
            type="datetime-local"
            required
            max="2999-12-31T23:59"
            value={draft.at}
            onChange={(event) => set({ at: event.target.value })}
            {...described}
          />
        )}
      </Field>
      <Choice
        name="clock"
        label={words.clock}
        value={draft.local ? "own" : "zone"}
        options={[
          ["zone", words.zoneClock],
          ["own", words.ownClock],
        ]}
        onChange={(clock) => set({ local: clock === "own" })}
      />
    </>
  );
}

function DateFields({ draft, set, wrong }: Part) {
  const { t } = useSay();
  const words = t.campaigns.date;
  const fields = useQuery(fieldsQuery).data?.items ?? [];
  const dates = fields.filter((one) => one.type === "date").map((one) => one.name);
  return (
    <>
      <Choice
        name="dateOf"
        label={words.of}
        value={draft.dateOf}
        options={[
          ["birthday", words.birthday],
          ["field", words.field],
        ]}
        onChange={(dateOf) => set({ dateOf })}
      />
      {draft.dateOf === "field" ? (
        <div className="people-grid">
          <Field label={words.fieldName} hint={words.fieldHint} error={wrong("date_field")}>
            {(described) => (
              <input
                name="dateField"
                list="campaign-dates"
                required
                maxLength={100}
                autoComplete="off"
                autoCapitalize="off"
                value={draft.dateField}
                onChange={(event) => set({ dateField: event.target.value })}
                {...described}
              />
            )}
          </Field>
          <datalist id="campaign-dates">
            {dates.map((one) => (
              <option key={one} value={one} />
            ))}
          </datalist>
          <Field label={words.repeat} error={wrong("date_repeat")}>
            {(described) => (
              <select
                name="once"
                value={draft.once ? "once" : "yearly"}
                onChange={(event) => set({ once: event.target.value === "once" })}
                {...described}
              >
                <option value="yearly">{words.yearly}</option>
                <option value="once">{words.once}</option>
              </select>
            )}
          </Field>
        </div>
      ) : null}
      <div className="people-grid">
        <Field label={words.offset}>
          {() => (
            <select
              name="side"
              value={draft.side}
              onChange={(event) => set({ side: event.target.value as typeof draft.side })}
            >
              <option value="on">{words.on}</option>
              <option value="before">{words.before}</option>
              <option value="after">{words.after}</option>
            </select>
          )}
        </Field>
        {draft.side === "on" ? null : (
          <Field label={words.days} error={wrong("offset_days")}>
            {(described) => (
              <input
                name="offset"
                type="number"
                required
                min={1}
                max={366}
                value={draft.offset}
                onChange={(event) => set({ offset: event.target.value })}
                {...described}
              />
            )}
          </Field>
        )}
        <Field label={words.hour} error={wrong("hour")}>
          {(described) => (
            <select
              name="hour"
              value={draft.hour}
              onChange={(event) => set({ hour: event.target.value })}
              {...described}
            >
              {Array.from({ length: 24 }, (_, hour) => (
                <option key={hour} value={String(hour)}>
                  {`${String(hour).padStart(2, "0")}:00`}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={words.leap} error={wrong("leap_day")}>
          {(described) => (
            <select
              name="leap"
              value={draft.leap}
              onChange={(event) => set({ leap: event.target.value as typeof draft.leap })}
              {...described}
            >
              <option value="feb_28">{words.feb_28}</option>
              <option value="mar_1">{words.mar_1}</option>
            </select>
          )}
        </Field>
      </div>
      <Field label={words.ahead} hint={words.aheadHint} error={wrong("ahead_days")}>
        {(described) => (
          <input
            name="ahead"
            type="number"
            required
            min={0}
            max={60}
            value={draft.ahead}
            onChange={(event) => set({ ahead: event.target.value })}
            {...described}
          />
        )}
      </Field>
    </>
  );
}

export function WhenPart(part: Part) {
  const { draft, set, wrong } = part;
  const { t } = useSay();
  const words = t.campaigns.when;
  return (
    <Card title={t.campaigns.part.when}>
      <div className="stack">
        <Choice
          name="when"
          label={t.campaign.schedule}
          value={draft.when}
          options={[
            ["immediate", words.immediate],
            ["scheduled", words.scheduled],
            ["recurring", words.recurring],
            ["date", words.date],
          ]}
          onChange={(when) => set({ when })}
        />
        {draft.when === "immediate" ? <p className="field-hint">{words.immediateHint}</p> : null}
        {draft.when === "scheduled" ? <DayFields {...part} /> : null}
        {draft.when === "recurring" ? <OftenFields {...part} /> : null}
        {draft.when === "date" ? <DateFields {...part} /> : null}
        <Field label={words.zone} hint={words.zoneHint} error={wrong("time_zone")}>
          {(described) => (
            <input
              name="zone"
              list="campaign-zones"
              required
              maxLength={100}
              autoComplete="off"
              autoCapitalize="off"
              spellCheck={false}
              value={draft.zone}
              onChange={(event) => set({ zone: event.target.value })}
              {...described}
            />
          )}
        </Field>
        <datalist id="campaign-zones">
          {Intl.supportedValuesOf("timeZone").map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      </div>
    </Card>
  );
}
