// How an import goes, what it did, and the way back.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { api, told } from "../../api/client";
import { download } from "../../api/download";
import { useSay, word } from "../../i18n";
import { Confirm } from "../../ui/confirm";
import { Icon } from "../../ui/icon";
import { Bar, Card, Notice, Problem } from "../../ui/parts";
import { useMay } from "../role";
import { Counts } from "./outcome";
import { TYPES } from "./choose";
import { begin, sending, type Import } from "./upload";

export function runs(one: Import): boolean {
  return one.status === "queued" || one.status === "running";
}

function Reverted({ one }: { one: Import }) {
  const { t, fill, number } = useSay();
  const done = one.revert;
  if (!done) return null;
  return (
    <Notice tone="good" title={t.people.import.revertedTitle}>
      <p>
        {fill(t.people.import.revertedBody, {
          removed: number(done.removed),
          restored: number(done.restored),
          kept: number(done.kept),
        })}
      </p>
      {done.items.length > 0 ? (
        <ul>
          {done.items.slice(0, 20).map((kept) => (
            <li key={kept.contact_id}>
              <Link to="/contacts/$id" params={{ id: kept.contact_id }}>
                {word(t.people.import.keptFor, kept.reason)}
              </Link>
            </li>
          ))}
        </ul>
      ) : null}
    </Notice>
  );
}

/** An import that its host left unfinished goes on with the same file. */
function Resume({ one }: { one: Import }) {
  const { t } = useSay();
  const client = useQueryClient();
  const resume = useMutation({
    mutationFn: async (file: File) => begin(await sending(file, {}, one.import_id)),
    onSettled: () => client.invalidateQueries({ queryKey: ["import", one.import_id] }),
  });
  return (
    <>
      <label className="button people-file">
        {t.people.import.resume}
        <input
          type="file"
          name="resume"
          accept={TYPES}
          disabled={resume.isPending}
          onChange={(event) => {
            const file = event.target.files?.[0];
            if (file) resume.mutate(file);
            event.target.value = "";
          }}
        />
      </label>
      {resume.error ? <Problem error={resume.error} /> : null}
    </>
  );
}

function Revert({ one }: { one: Import }) {
  const { t } = useSay();
  const client = useQueryClient();
  const [asked, setAsked] = useState(false);
  const revert = useMutation({
    mutationFn: () =>
      told(
        api.POST("/api/contacts/imports/{import_id}/revert", {
          params: { path: { import_id: one.import_id } },
        }),
      ),
    onSuccess: async () => {
      await client.invalidateQueries();
      setAsked(false);
    },
    onError: () => client.invalidateQueries({ queryKey: ["import", one.import_id] }),
  });
  return (
    <>
      <button
        type="button"
        className="button button-danger"
        data-action="revert"
        onClick={() => setAsked(true)}
      >
        {t.people.import.revert.open}
      </button>
      <Confirm
        question={
          asked
            ? {
                title: t.people.import.revert.title,
                body: t.people.import.revert.body,
                yes: t.people.import.revert.yes,
                dangerous: true,
              }
            : null
        }
        busy={revert.isPending}
        error={revert.error}
        onYes={() => revert.mutate()}
        onNo={() => {
          setAsked(false);
          revert.reset();
        }}
      />
    </>
  );
}

export function ResultCard({ one }: { one: Import }) {
  const { t, fill, number, count } = useSay();
  const may = useMay();
  const running = runs(one);
  const file = useMutation({
    mutationFn: () => download(`/api/contacts/imports/${one.import_id}/rejects`, "rejects.csv"),
  });
  const share = one.rows === 0 ? (running ? 0 : 1000) : Math.round((one.done * 1000) / one.rows);
  return (
    <Card
      title={t.people.import.result}
      aside={<span className="card-aside">{count(one.rows, t.people.counted.rows)}</span>}
    >
      <div className="stack" data-import={one.status}>
        {running || one.status === "failed" ? (
          <>
            <Bar
              label={fill(t.people.import.progress, { done: number(one.done), all: number(one.rows) })}
              parts={[{ name: "done", share }]}
            />
            <p className="faint">
              {fill(t.people.import.progress, { done: number(one.done), all: number(one.rows) })}
            </p>
          </>
        ) : null}
        <Counts of={one} />
        <div role="status">
          {one.status === "completed" ? (
            <Notice tone="good">
              <p>{t.people.import.completed}</p>
            </Notice>
          ) : null}
          {one.status === "failed" ? (
            <Notice tone="bad" title={t.people.import.failed}>
              <p lang="en">{one.detail}</p>
            </Notice>
          ) : null}
          <Reverted one={one} />
        </div>
        {file.error ? <Problem error={file.error} /> : null}
        {running ? (
          <p className="faint">{t.people.import.leave}</p>
        ) : (
          <div className="actions">
            <Link to="/contacts" className="button button-primary">
              {t.people.page.back}
            </Link>
            {may.write && one.rejected > 0 ? (
              <button
                type="button"
                className="button"
                disabled={file.isPending}
                onClick={() => file.mutate()}
              >
                <Icon name="download" />
                {t.people.import.rejects}
              </button>
            ) : null}
            {may.write && one.status === "failed" ? <Resume one={one} /> : null}
            {may.write && (one.status === "completed" || one.status === "failed") ? (
              <Revert one={one} />
            ) : null}
          </div>
        )}
      </div>
    </Card>
  );
}
