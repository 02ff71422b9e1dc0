// The fields that every contact has.
import { useQuery } from "@tanstack/react-query";

import { useSay, word } from "../i18n";
import { birthdayParts, type TEXTS } from "./body";
import { Field } from "./field";
import { segmentsQuery } from "./queries";
import { CONTACT_LANGUAGES, SEGMENTS } from "./search";
import type { Contact } from "./words";

const ZONES = Intl.supportedValuesOf("timeZone");
const CHANNELS = ["email", "sms", "telegram", "whatsapp"];

type Errors = Map<string, string>;

function Birthday({ contact, error }: { contact: Contact | null; error: string | undefined }) {
  const { t } = useSay();
  const parts = birthdayParts(contact?.birthday);
  const one = (name: "day" | "month" | "year", most: number) => (
    <label className="people-filter">
      <span>{t.people.form[name]}</span>
      <input
        name={`birthday_${name}`}
        inputMode="numeric"
        pattern={name === "year" ? "[0-9]{4}" : "[0-9]{1,2}"}
        maxLength={name === "year" ? 4 : 2}
        autoComplete="off"
        defaultValue={parts[name]}
        aria-invalid={error ? true : undefined}
        title={`1–${most}`}
      />
    </label>
  );
  return (
    <fieldset className="people-birthday">
      <legend className="field-label">{t.people.form.birthday}</legend>
      <div>
        {one("day", 31)}
        {one("month", 12)}
        {one("year", 9999)}
      </div>
      {error ? (
        <span className="field-hint people-wrong" lang="en">
          {error}
        </span>
      ) : (
        <span className="field-hint">{t.people.form.birthdayHint}</span>
      )}
    </fieldset>
  );
}

export function FactFields({ contact, errors }: { contact: Contact | null; errors: Errors }) {
  const { t, fill } = useSay();
  const used = useQuery(segmentsQuery).data?.data.map((one) => one.segment) ?? [];
  const segments = [...new Set([...SEGMENTS, ...used])];
  const language = contact?.language ?? "ru";
  const preferred = contact?.preferred_channels[0] ?? "";
  const text = (name: Exclude<(typeof TEXTS)[number], "time_zone">, type = "text", hint?: string) => (
    <Field label={t.people.field[name]} hint={hint} error={errors.get(name)}>
      {(described) => (
        <input
          name={name}
          type={type}
          autoComplete="off"
          defaultValue={contact?.[name] ?? ""}
          {...described}
        />
      )}
    </Field>
  );
  return (
    <div className="people-grid">
      <Field label={t.people.field.name} error={errors.get("name")}>
        {(described) => (
          <input
            name="name"
            required
            maxLength={200}
            autoComplete="off"
            defaultValue={contact?.name ?? ""}
            {...described}
          />
        )}
      </Field>
      {text("email", "text")}
      {text("phone", "tel", t.people.form.phoneHint)}
      {text("whatsapp", "tel", t.people.form.whatsappHint)}
      {text("telegram_chat_id")}
      {text("company")}
      {text("position")}
      <Field label={t.people.field.segment} error={errors.get("segment")} hint={t.people.form.segmentHint}>
        {(described) => (
          <>
            <input
              name="segment"
              list="people-segments"
              maxLength={100}
              autoComplete="off"
              defaultValue={contact?.segment ?? "regular"}
              {...described}
            />
            <datalist id="people-segments">
              {segments.map((one) => (
                <option key={one} value={one}>
                  {word(t.people.segment, one)}
                </option>
              ))}
            </datalist>
          </>
        )}
      </Field>
      <Field label={t.people.field.language} error={errors.get("language")}>
        {(described) => (
          <select name="language" defaultValue={language} {...described}>
            {Object.entries(CONTACT_LANGUAGES).map(([tag, name]) => (
              <option key={tag} value={tag} lang={tag}>
                {name}
              </option>
            ))}
            {language in CONTACT_LANGUAGES ? null : <option value={language}>{language}</option>}
          </select>
        )}
      </Field>
      <Birthday contact={contact} error={errors.get("birthday")} />
      <Field
        label={t.people.field.time_zone}
        error={errors.get("time_zone")}
        hint={
          contact?.guessed_time_zone
            ? fill(t.people.form.zoneGuessed, { zone: contact.guessed_time_zone })
            : t.people.form.zoneHint
        }
      >
        {(described) => (
          <>
            <input
              name="time_zone"
              list="people-zones"
              autoComplete="off"
              placeholder={contact?.guessed_time_zone ?? ""}
              defaultValue={contact?.time_zone ?? ""}
              {...described}
            />
            <datalist id="people-zones">
              {ZONES.map((one) => (
                <option key={one} value={one} />
              ))}
            </datalist>
          </>
        )}
      </Field>
      <Field label={t.people.field.preferred_channels} error={errors.get("preferred_channels")}>
        {(described) => (
          <select name="preferred_channel" defaultValue={preferred} {...described}>
            <option value="">{t.people.form.anyChannel}</option>
            {[...new Set([...CHANNELS, ...(preferred ? [preferred] : [])])].map((one) => (
              <option key={one} value={one}>
                {word(t.channel, one)}
              </option>
            ))}
          </select>
        )}
      </Field>
      {text("external_id", "text", t.people.form.externalHint)}
    </div>
  );
}
