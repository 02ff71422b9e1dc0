import "../people/people.css";

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";

import { authorised } from "../api/client";
import { failure, offline } from "../api/failure";
import { useSay, word } from "../i18n";
import { usePace } from "../live";
import { useMay } from "../people/role";
import { languageName, segmentName } from "../people/words";
import { TemplateForm } from "../template/form";
import { PreviewCard } from "../template/preview";
import { TEMPLATES_PAGE, templateQuery, templatesQuery, type Template } from "../template/queries";
import { Confirm } from "../ui/confirm";
import { Icon } from "../ui/icon";
import { Badge, Card, Empty, Loading, Notice, Pager, Problem } from "../ui/parts";
import { useTitle } from "../ui/shell";

function Row({ template }: { template: Template }) {
  const { t, number } = useSay();
  return (
    <tr>
      <th scope="row">
        <Link to="/templates/$id" params={{ id: template.id }} className="row-link">
          {template.name}
        </Link>
        <span className="row-hint">
          {[t.occasion[template.occasion_type], template.segment ? segmentName(template.segment, t) : ""]
            .filter(Boolean)
            .join(" · ")}
        </span>
      </th>
      <td data-label={t.templates.language} lang={template.language}>
        {languageName(template.language)}
      </td>
      <td data-label={t.templates.channel}>
        {template.channel ? word(t.channel, template.channel) : t.templates.every}
      </td>
      <td data-label={t.templates.used} className="number">
        {number(template.usage_count)}
      </td>
      <td data-label={t.templates.state}>
        <Badge tone={template.is_active ? "good" : "neutral"}>
          {template.is_active ? t.templates.offered : t.templates.hidden}
        </Badge>
      </td>
    </tr>
  );
}

export function TemplatesPage() {
  const { t } = useSay();
  const { skip = 0 } = useSearch({ from: "/inside/templates" });
  const navigate = useNavigate({ from: "/templates" });
  const may = useMay();
  const found = useQuery({ ...templatesQuery(skip), refetchInterval: usePace(true) });
  useTitle(t.templates.title);
  const create = may.write ? (
    <Link to="/templates/new" className="button button-primary">
      <Icon name="plus" />
      {t.templates.new}
    </Link>
  ) : null;
  const page = found.data;
  return (
    <>
      <div className="page-head">
        <h1>{t.templates.title}</h1>
        {create}
      </div>
      {found.isPending ? <Loading lines={6} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {page && page.items.length === 0 ? (
        <Empty title={t.templates.empty} action={create}>
          {t.templates.emptyHint}
        </Empty>
      ) : null}
      {page && page.items.length > 0 ? (
        <div className="card card-flush">
          <table className="table table-stack" aria-label={t.templates.title}>
            <thead>
              <tr>
                <th scope="col">{t.templates.name}</th>
                <th scope="col">{t.templates.language}</th>
                <th scope="col">{t.templates.channel}</th>
                <th scope="col" className="number">
                  {t.templates.used}
                </th>
                <th scope="col">{t.templates.state}</th>
              </tr>
            </thead>
            <tbody>
              {page.items.map((one) => (
                <Row key={one.id} template={one} />
              ))}
            </tbody>
          </table>
          <Pager
            skip={skip}
            limit={TEMPLATES_PAGE}
            total={page.total}
            onMove={(to) => void navigate({ search: to > 0 ? { skip: to } : {} })}
          />
        </div>
      ) : null}
    </>
  );
}

async function remove(id: string): Promise<void> {
  let answer;
  try {
    answer = await authorised(new Request(`/api/templates/${id}`, { method: "DELETE" }));
  } catch (reason) {
    throw offline(reason);
  }
  if (!answer.ok) throw failure(answer, await answer.json().catch(() => null));
}

function Remove({ template }: { template: Template }) {
  const { t, fill } = useSay();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [asked, setAsked] = useState(false);
  const gone = useMutation({
    mutationFn: () => remove(template.id),
    onSuccess: async () => {
      setAsked(false);
      await navigate({ to: "/templates" });
      client.removeQueries({ queryKey: ["template", template.id] });
      await client.invalidateQueries({ queryKey: ["templates"] });
    },
  });
  return (
    <>
      <button type="button" className="button button-danger" onClick={() => setAsked(true)}>
        {t.templates.remove.open}
      </button>
      <Confirm
        question={
          asked
            ? {
                title: fill(t.templates.remove.title, { name: template.name }),
                body: t.templates.remove.body,
                yes: t.templates.remove.yes,
                dangerous: true,
              }
            : null
        }
        busy={gone.isPending}
        error={gone.error}
        onYes={() => gone.mutate()}
        onNo={() => {
          setAsked(false);
          gone.reset();
        }}
      />
    </>
  );
}

function Back() {
  const { t } = useSay();
  return (
    <Link to="/templates" className="back">
      <Icon name="back" />
      {t.templates.back}
    </Link>
  );
}

export function NewTemplatePage() {
  const { t } = useSay();
  const navigate = useNavigate();
  const may = useMay();
  useTitle(t.templates.new);
  return (
    <div className="people-narrow">
      <Back />
      <div className="page-head">
        <h1>{t.templates.new}</h1>
      </div>
      {may.write ? (
        <Card title={t.templates.text}>
          <TemplateForm
            template={null}
            readOnly={false}
            aside={null}
            onSaved={({ id }) => void navigate({ to: "/templates/$id", params: { id } })}
          />
        </Card>
      ) : (
        <Notice tone="warn" title={t.failure.forbidden.title}>
          <p>{t.failure.forbidden.hint}</p>
        </Notice>
      )}
    </div>
  );
}

export function TemplatePage() {
  const { t } = useSay();
  const { id } = useParams({ from: "/inside/templates/$id" });
  const may = useMay();
  const found = useQuery(templateQuery(id));
  const [saved, setSaved] = useState(false);
  // Written anew from what is there after somebody else was faster.
  const [round, setRound] = useState(0);
  const template = found.data;
  useTitle(template?.name);
  return (
    <>
      <Back />
      {found.isPending ? <Loading lines={8} /> : null}
      {found.error && !template ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {template ? (
        <>
          <div className="page-head">
            <h1>{template.name}</h1>
          </div>
          <div role="status" className="notices">
            {saved ? (
              <Notice tone="good">
                <p>{t.templates.saved}</p>
              </Notice>
            ) : null}
          </div>
          <div className="columns">
            <Card title={t.templates.text}>
              <TemplateForm
                key={`${id} ${round}`}
                template={template}
                readOnly={!may.write}
                aside={<Remove template={template} />}
                onSaved={() => setSaved(true)}
                onTheirs={() => void found.refetch().then(() => setRound(round + 1))}
              />
            </Card>
            <PreviewCard key={`preview ${id}`} template={template} />
          </div>
        </>
      ) : null}
    </>
  );
}
