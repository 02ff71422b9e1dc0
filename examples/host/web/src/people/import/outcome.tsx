// What an import would do: counts, and some of the rows.
import { useSay, word } from "../../i18n";
import { Badge, Card, Notice, type Tone } from "../../ui/parts";
import { segmentName } from "../words";
import type { Preview } from "./upload";

const COUNTS = ["created", "updated", "skipped", "rejected"] as const;
const TONES: Record<string, Tone> = { created: "good", updated: "info", skipped: "neutral" };

export function Counts({ of }: { of: Record<(typeof COUNTS)[number], number> }) {
  const { t, number } = useSay();
  return (
    <dl className="people-counts">
      {COUNTS.map((name) => (
        <div
          key={name}
          className={name === "rejected" && of[name] > 0 ? "people-count-bad" : ""}
          data-count={name}
        >
          <dt>{t.people.import.counts[name]}</dt>
          <dd>
            <data value={of[name]}>{number(of[name])}</data>
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** A field of a sample, which the document does not describe. */
function text(contact: Record<string, unknown>, name: string): string {
  const value = contact[name];
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function Samples({ preview }: { preview: Preview }) {
  const { t } = useSay();
  const fieldName = (name: string) => word(t.people.field, name.replace(/^custom_fields\./u, ""));
  return (
    <table className="table table-stack" aria-label={t.people.import.samples} data-samples>
      <thead>
        <tr>
          <th scope="col">{t.people.list.name}</th>
          <th scope="col">{t.people.list.addresses}</th>
          <th scope="col">{t.people.list.segment}</th>
          <th scope="col">{t.people.import.outcome}</th>
          <th scope="col" className="number">
            {t.people.import.line}
          </th>
        </tr>
      </thead>
      <tbody>
        {preview.samples.map((one) => {
          const contact = one.contact;
          const about = [text(contact, "position"), text(contact, "company")].filter(Boolean).join(" · ");
          return (
            <tr key={one.line}>
              <th scope="row">
                {text(contact, "name")}
                {about ? <span className="row-hint">{about}</span> : null}
              </th>
              <td data-label={t.people.list.addresses} className="people-addresses">
                <div>
                  <span>{text(contact, "email") || "—"}</span>
                  <span className="row-hint">{text(contact, "phone")}</span>
                </div>
              </td>
              <td data-label={t.people.list.segment}>{segmentName(text(contact, "segment"), t)}</td>
              <td data-label={t.people.import.outcome}>
                <Badge tone={TONES[one.outcome] ?? "neutral"}>
                  {word(t.people.import.counts, one.outcome)}
                </Badge>
                {one.changed.length > 0 ? (
                  <span className="row-hint">{one.changed.map(fieldName).join(", ")}</span>
                ) : null}
              </td>
              <td data-label={t.people.import.line} className="number">
                {one.line}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Rejected({ preview }: { preview: Preview }) {
  const { t } = useSay();
  return (
    <table className="table table-stack" aria-label={t.people.import.rejected}>
      <thead>
        <tr>
          <th scope="col">{t.people.import.line}</th>
          <th scope="col">{t.people.import.cells}</th>
          <th scope="col">{t.people.import.why}</th>
        </tr>
      </thead>
      <tbody>
        {preview.rejects.map((row) => (
          <tr key={row.line}>
            <th scope="row">{row.line}</th>
            <td data-label={t.people.import.cells} className="people-values">
              {row.cells.filter(Boolean).join(" · ")}
            </td>
            <td data-label={t.people.import.why} lang="en">
              {row.reason}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function OutcomeCard({ preview, stale }: { preview: Preview; stale: boolean }) {
  const { t, fill, count } = useSay();
  return (
    <Card
      title={t.people.import.dryRun}
      aside={<span className="card-aside">{count(preview.rows, t.people.counted.rows)}</span>}
    >
      <div className={stale ? "stack people-stale" : "stack"} aria-busy={stale}>
        <div role="status">
          <Counts of={preview} />
        </div>
        {preview.exact ? null : <p className="faint">{t.people.import.inexact}</p>}
        {preview.fields
          .filter((one) => one.refused > 0)
          .map((one) => (
            <Notice key={one.column} tone="warn" title={`${one.column} → ${one.label ?? one.field}`}>
              <p>
                {count(one.refused, t.people.counted.refused)}{" "}
                {fill(t.people.import.typed, { type: t.people.type[one.type] })} {one.samples.join(", ")}
              </p>
            </Notice>
          ))}
        {preview.samples.length > 0 ? <Samples preview={preview} /> : null}
        {preview.rejects.length > 0 ? (
          <details>
            <summary className="people-summary">{t.people.import.rejected}</summary>
            <Rejected preview={preview} />
          </details>
        ) : null}
        {preview.lost.length > 0 ? (
          <details>
            <summary className="people-summary">{count(preview.lost.length, t.people.counted.lost)}</summary>
            <ul className="people-lost">
              {preview.lost.slice(0, 20).map((one) => (
                <li key={`${one.line} ${one.column}`}>
                  {one.line} · {one.column}: <span lang="en">{one.reason}</span>
                </li>
              ))}
            </ul>
          </details>
        ) : null}
      </div>
    </Card>
  );
}
