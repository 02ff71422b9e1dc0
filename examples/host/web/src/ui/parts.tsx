// Small parts of every screen: cards, badges, notices, and what stands there while there is nothing to show.
import { useId, type ReactNode } from "react";

import { asFailure } from "../api/failure";
import { useSay } from "../i18n";
import { Icon, type IconName } from "./icon";

export function Card({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  const id = useId();
  return (
    <section className="card" aria-labelledby={id}>
      <header className="card-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

export type Tone = "neutral" | "info" | "good" | "warn" | "bad";

export function Badge({ tone, children }: { tone: Tone; children: ReactNode }) {
  return <span className={`badge badge-${tone}`}>{children}</span>;
}

export function Notice({
  tone,
  title,
  children,
}: {
  tone: "info" | "good" | "warn" | "bad";
  title?: string;
  children?: ReactNode;
}) {
  const icon: IconName = tone === "good" ? "check" : tone === "info" ? "info" : "alert";
  return (
    <div className={`notice notice-${tone}`}>
      <Icon name={icon} />
      <div>
        {title ? <p className="notice-title">{title}</p> : null}
        {children}
      </div>
    </div>
  );
}

/** Why something did not work, and what to do. */
export function Problem({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t, fill } = useSay();
  const failure = asFailure(error);
  const words = t.failure[failure.kind];
  return (
    <div role="alert">
      <Notice tone="bad" title={words.title}>
        <p>{words.hint}</p>
        {failure.detail ? <p lang="en">{failure.detail}</p> : null}
        {failure.fields.length > 0 ? (
          <ul lang="en">
            {failure.fields.map((one) => (
              <li key={one.field}>
                <code>{one.field}</code>: {one.message}
              </li>
            ))}
          </ul>
        ) : null}
        {failure.requestId && failure.kind === "unavailable" ? (
          <p className="faint">{fill(t.failureId, { id: failure.requestId })}</p>
        ) : null}
        {retry ? (
          <button type="button" className="button button-small" onClick={retry}>
            {t.app.retry}
          </button>
        ) : null}
      </Notice>
    </div>
  );
}

export function Empty({
  title,
  children,
  action,
}: {
  title: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div className="empty">
      <Icon name="mail" />
      <p className="empty-title">{title}</p>
      {children ? <p className="empty-hint">{children}</p> : null}
      {action}
    </div>
  );
}

/** Grey bars in the place of what is on its way. */
export function Loading({ lines = 3 }: { lines?: number }) {
  const { t } = useSay();
  return (
    <div className="loading" role="status">
      <span className="hidden">{t.app.loading}</span>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} className="loading-line" aria-hidden="true" />
      ))}
    </div>
  );
}

export interface Segment {
  name: string;
  /** In thousandths of the bar. */
  share: number;
}

/** A bar of one or more parts; what it says is in `label`. */
export function Bar({ label, parts }: { label: string; parts: Segment[] }) {
  return (
    <svg className="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label={label}>
      {parts.map((part, index) => {
        const x = parts.slice(0, index).reduce((sum, one) => sum + one.share, 0);
        return (
          <rect key={part.name} className={`bar-${part.name}`} x={x} y="0" width={part.share} height="10" />
        );
      })}
    </svg>
  );
}

export function Pager({
  skip,
  limit,
  total,
  onMove,
}: {
  skip: number;
  limit: number;
  total: number;
  onMove: (skip: number) => void;
}) {
  const { t, fill, number } = useSay();
  if (total <= limit && skip === 0) return null;
  const to = Math.min(skip + limit, total);
  return (
    <nav className="pager" aria-label={t.pages.label}>
      <button
        type="button"
        className="button button-small"
        disabled={skip === 0}
        onClick={() => onMove(Math.max(0, skip - limit))}
      >
        <Icon name="back" />
        {t.pages.previous}
      </button>
      <span className="pager-range">
        {fill(t.pages.range, {
          from: number(Math.min(skip + 1, total)),
          to: number(to),
          total: number(total),
        })}
      </span>
      <button
        type="button"
        className="button button-small"
        disabled={to >= total}
        onClick={() => onMove(skip + limit)}
      >
        {t.pages.next}
        <Icon name="next" />
      </button>
    </nav>
  );
}

/** An exact amount; `data` keeps the API's own text for programs. */
export function Money({ amount }: { amount: string | null }) {
  const { t, money } = useSay();
  if (amount === null) return <span>{t.cost.unknown}</span>;
  return (
    <data className="money" value={amount}>
      {money(amount)}
    </data>
  );
}
