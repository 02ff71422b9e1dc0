import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";

import { api, newKey, told, type Schemas } from "../api/client";
import { useSay } from "../i18n";
import { Icon } from "../ui/icon";
import { Card, Problem } from "../ui/parts";
import { useTitle } from "../ui/shell";

type Body = Schemas["CampaignBody"];

/** The languages of contacts that the engine writes in. */
const CONTACT_LANGUAGES = { ru: "Русский", en: "English", uz: "Oʻzbekcha", "uz-Cyrl": "Ўзбекча" };

function body(form: FormData): Body {
  const text = (name: string) => {
    const value = form.get(name);
    return typeof value === "string" ? value.trim() : "";
  };
  const filter: Record<string, string> = {};
  if (text("segment")) filter.segment = text("segment");
  if (text("language")) filter.language = text("language");
  return {
    name: text("name"),
    occasion_type: text("occasion") as NonNullable<Body["occasion_type"]>,
    segment_filter: filter,
    ...(text("context") ? { custom_context: text("context") } : {}),
    ...(text("tone") ? { tone: text("tone") as NonNullable<Body["tone"]> } : {}),
  };
}

/** A campaign that begins at once, by e-mail: the usual one. */
export function NewCampaignPage() {
  const { t } = useSay();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [key, setKey] = useState(newKey);
  useTitle(t.create.title);
  const save = useMutation({
    mutationFn: (fields: Body) =>
      told(api.POST("/api/campaigns", { params: { header: { "Idempotency-Key": key } }, body: fields })),
    onSuccess: async (campaign) => {
      await client.invalidateQueries({ queryKey: ["campaigns"] });
      await navigate({ to: "/campaigns/$id", params: { id: campaign.id } });
    },
    // What is mended is another request.
    onError: () => setKey(newKey()),
  });
  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.mutate(body(new FormData(event.currentTarget)));
  };
  return (
    <div className="narrow">
      <Link to="/campaigns" className="back">
        <Icon name="back" />
        {t.app.back}
      </Link>
      <div className="page-head">
        <h1>{t.create.title}</h1>
      </div>
      <Card title={t.campaign.about}>
        <form className="form" onSubmit={submit}>
          <label className="field">
            <span className="field-label">{t.create.name}</span>
            <input name="name" required maxLength={200} autoComplete="off" />
          </label>
          <div className="field-pair">
            <label className="field">
              <span className="field-label">{t.create.occasion}</span>
              <select name="occasion" defaultValue="custom">
                {Object.entries(t.occasion).map(([value, name]) => (
                  <option key={value} value={value}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
            <label className="field">
              <span className="field-label">{t.create.tone}</span>
              <select name="tone" defaultValue="">
                <option value="">{t.create.defaultTone}</option>
                {Object.entries(t.tone).map(([value, name]) => (
                  <option key={value} value={value}>
                    {name}
                  </option>
                ))}
              </select>
            </label>
          </div>
          <fieldset className="fieldset">
            <legend>{t.create.audience}</legend>
            <div className="field-pair">
              <label className="field">
                <span className="field-label">{t.create.segment}</span>
                <input name="segment" maxLength={100} autoComplete="off" />
                <span className="field-hint">{t.create.segmentHint}</span>
              </label>
              <label className="field">
                <span className="field-label">{t.create.language}</span>
                <select name="language" defaultValue="">
                  <option value="">{t.create.anyLanguage}</option>
                  {Object.entries(CONTACT_LANGUAGES).map(([value, name]) => (
                    <option key={value} value={value} lang={value}>
                      {name}
                    </option>
                  ))}
                </select>
              </label>
            </div>
          </fieldset>
          <label className="field">
            <span className="field-label">{t.create.context}</span>
            <textarea name="context" rows={3} maxLength={500} />
            <span className="field-hint">{t.create.contextHint}</span>
          </label>
          {save.error ? <Problem error={save.error} /> : null}
          <div className="form-actions">
            <Link to="/campaigns" className="button">
              {t.create.cancel}
            </Link>
            <button
              type="submit"
              className="button button-primary"
              disabled={save.isPending}
              aria-busy={save.isPending}
            >
              {t.create.submit}
            </button>
          </div>
        </form>
      </Card>
    </div>
  );
}
