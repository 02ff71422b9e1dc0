// The text as it will be read, with what guardrails found in it, and what was changed in it.
import { useId } from "react";

import { useSay, word } from "../i18n";
import { Badge, type Tone } from "../ui/parts";
import { diff } from "./diff";
import { pieces, type Finding } from "./marks";
import type { Message } from "./order";

const TONES: Record<Finding["severity"], Tone> = { notice: "info", warning: "warn", blocking: "bad" };

/** A text with its findings marked. */
export function Marked({
  text,
  findings,
  part,
}: {
  text: string;
  findings: Finding[];
  part: "subject" | "content";
}) {
  const { t } = useSay();
  return pieces(text, findings, part).map((piece, index) => {
    const first = findings[piece.findings[0] ?? -1];
    if (!first) return <span key={index}>{piece.text}</span>;
    const names = piece.findings.flatMap((number) => {
      const one = findings[number];
      return one ? [word(t.messages.rule, one.rule)] : [];
    });
    return (
      <mark key={index} className={`mark mark-${first.severity}`} title={names.join(", ")}>
        {piece.text}
      </mark>
    );
  });
}

/** The findings, each with its weight, its rule and the host's sentence. */
export function Findings({ findings }: { findings: Finding[] }) {
  const { t } = useSay();
  const id = useId();
  if (findings.length === 0) return null;
  return (
    <section className="found" aria-labelledby={id}>
      <h3 id={id} className="hidden">
        {t.inbox.detail.findings}
      </h3>
      <ul>
        {findings.map((one, index) => (
          <li key={index} className="found-one" data-severity={one.severity}>
            <Badge tone={TONES[one.severity]}>{t.messages.severity[one.severity]}</Badge>
            <span>
              <strong>{word(t.messages.rule, one.rule)}</strong>
              {one.part === "field" ? ` · ${t.inbox.detail.fields}` : null}
              <span className="found-why" lang="en">
                {one.message}
              </span>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Subject and text of a message. */
export function Letter({ message }: { message: Message }) {
  const { t } = useSay();
  const language = message.metadata.language ?? message.contact?.language;
  // Findings count in the text as its reader sees it, which is not what markup looks like.
  const findings = message.format === "html" ? [] : message.findings;
  return (
    <article className="letter" {...(language ? { lang: language } : {})} aria-label={t.inbox.detail.text}>
      {message.subject ? (
        <p className="letter-subject">
          <Marked text={message.subject} findings={message.findings} part="subject" />
        </p>
      ) : null}
      <p className="letter-text">
        <Marked text={message.content} findings={findings} part="content" />
      </p>
      {message.format === "html" ? <p className="faint">{t.inbox.detail.html}</p> : null}
    </article>
  );
}

/** What was changed since the first text, or, `plain`, by one edit of a history. */
export function Changes({ before, after, plain }: { before: string; after: string; plain?: boolean }) {
  const { t } = useSay();
  const id = useId();
  return (
    <section className="changes" {...(plain ? {} : { "aria-labelledby": id })}>
      {plain ? null : <h3 id={id}>{t.inbox.detail.changes}</h3>}
      <p className="letter-text changes-text">
        {diff(before, after).map(({ kind, text }, index) => {
          if (kind === "same") return <span key={index}>{text}</span>;
          const Tag = kind === "removed" ? "del" : "ins";
          return (
            <Tag key={index}>
              <span className="hidden">{t.inbox.detail[kind]} </span>
              {text}
            </Tag>
          );
        })}
      </p>
      {plain ? null : <p className="faint">{t.inbox.detail.changesHint}</p>}
    </section>
  );
}
