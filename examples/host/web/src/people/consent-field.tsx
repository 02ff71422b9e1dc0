// The person's word on each channel. A no stays until a later yes says where it is documented: the host keeps that.
import { useSay, word } from "../i18n";
import { Icon } from "../ui/icon";
import { channelName, type Consent } from "./words";

const CHANNELS = ["email", "sms", "telegram", "whatsapp", "*"];
const TOPICS = ["marketing", "relationship"] as const;
const STATUSES = ["opted_in", "opted_out"] as const;

function Line({
  consent,
  fixed,
  onChange,
  onRemove,
}: {
  consent: Consent;
  /** What is stored is about one channel and topic. */
  fixed: boolean;
  onChange: (consent: Consent) => void;
  onRemove: () => void;
}) {
  const say = useSay();
  const { t } = say;
  const now = () => new Date().toISOString();
  const channels = CHANNELS.includes(consent.channel) ? CHANNELS : [consent.channel, ...CHANNELS];
  return (
    <li className="people-consent-line">
      <label className="people-filter">
        <span>{t.people.consent.channel}</span>
        <select
          value={consent.channel}
          disabled={fixed}
          onChange={(event) => onChange({ ...consent, channel: event.target.value })}
        >
          {channels.map((one) => (
            <option key={one} value={one}>
              {channelName(one, say)}
            </option>
          ))}
        </select>
      </label>
      <label className="people-filter">
        <span>{t.people.consent.topic}</span>
        <select
          value={consent.topic}
          disabled={fixed}
          onChange={(event) => onChange({ ...consent, topic: event.target.value })}
        >
          {TOPICS.map((one) => (
            <option key={one} value={one}>
              {t.people.consent.topics[one]}
            </option>
          ))}
        </select>
      </label>
      <label className="people-filter">
        <span>{t.people.consent.word}</span>
        <select
          value={consent.status}
          onChange={(event) => onChange({ ...consent, status: event.target.value, at: now() })}
        >
          {STATUSES.map((one) => (
            <option key={one} value={one}>
              {word(t.people.consent.statuses, one)}
            </option>
          ))}
        </select>
      </label>
      <label className="people-filter people-evidence">
        <span>{t.people.consent.evidence}</span>
        <input
          value={consent.evidence ?? ""}
          maxLength={200}
          autoComplete="off"
          onChange={(event) => onChange({ ...consent, evidence: event.target.value || null, at: now() })}
        />
      </label>
      <button type="button" className="people-remove" aria-label={t.people.consent.remove} onClick={onRemove}>
        <Icon name="stop" />
      </button>
    </li>
  );
}

export function ConsentField({
  consents,
  stored,
  onChange,
}: {
  consents: Consent[];
  stored: Consent[];
  onChange: (consents: Consent[]) => void;
}) {
  const { t } = useSay();
  const known = (one: Consent) =>
    stored.some(({ channel, topic }) => channel === one.channel && topic === one.topic);
  return (
    <fieldset className="fieldset">
      <legend>{t.people.consent.title}</legend>
      <p className="field-hint">{t.people.consent.hint}</p>
      <ul className="people-consents">
        {consents.map((consent, index) => (
          <Line
            key={index}
            consent={consent}
            fixed={index < stored.length && known(consent)}
            onChange={(next) => onChange(consents.map((one, place) => (place === index ? next : one)))}
            onRemove={() => onChange(consents.filter((_, place) => place !== index))}
          />
        ))}
      </ul>
      <button
        type="button"
        className="button button-small"
        onClick={() =>
          onChange([
            ...consents,
            {
              channel: "email",
              topic: "marketing",
              status: "opted_in",
              evidence: null,
              at: new Date().toISOString(),
            },
          ])
        }
      >
        <Icon name="plus" />
        {t.people.consent.add}
      </button>
    </fieldset>
  );
}
