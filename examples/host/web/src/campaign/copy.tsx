// A copy of a campaign, the way to edit it, and away with one that never began.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { api, finished, newKey, told } from "../api/client";
import { asFailure } from "../api/failure";
import { useSay } from "../i18n";
import { Field } from "../people/field";
import { Confirm } from "../ui/confirm";
import { FormDialog } from "../ui/form-dialog";
import type { Campaign } from "./words";

/** The longest name (characters). */
const NAME = 200;

export function EditLink({ campaign }: { campaign: Campaign }) {
  const { t } = useSay();
  if (!campaign.allowed_actions.includes("edit")) return null;
  return (
    <Link to="/campaigns/$id/edit" params={{ id: campaign.id }} className="button" data-choice="edit">
      {t.campaigns.edit}
    </Link>
  );
}

export function CopyButton({ campaign }: { campaign: Campaign }) {
  const { t, fill } = useSay();
  const words = t.campaigns.copy;
  const navigate = useNavigate();
  const client = useQueryClient();
  const [key, setKey] = useState<string | null>(null);
  const copy = useMutation({
    mutationFn: (one: { name: string; key: string }) => {
      const params = { path: { id: campaign.id }, header: { "Idempotency-Key": one.key } };
      return told(api.POST("/api/campaigns/{id}/copy", { params, body: { name: one.name } }));
    },
    onSuccess: async (made) => {
      setKey(null);
      client.setQueryData(["campaign", made.id], made);
      await client.invalidateQueries({ queryKey: ["campaigns"] });
      await navigate({ to: "/campaigns/$id", params: { id: made.id } });
    },
    onError: (error) => asFailure(error).passes || setKey(newKey()),
  });
  const suggested = fill(words.suggested, { name: campaign.name });
  return (
    <>
      <button type="button" className="button" data-choice="copy" onClick={() => setKey(newKey())}>
        {words.open}
      </button>
      <FormDialog
        open={key !== null}
        title={words.title}
        body={words.body}
        yes={words.yes}
        busy={copy.isPending}
        error={copy.error}
        fields={["name"]}
        onClose={() => {
          copy.reset();
          setKey(null);
        }}
        onSubmit={(given) => copy.mutate({ name: given("name").trim(), key: key ?? newKey() })}
      >
        {(wrong) => (
          <Field label={words.name} error={wrong("name")}>
            {(described) => (
              <input
                name="name"
                required
                maxLength={NAME}
                autoComplete="off"
                defaultValue={[...suggested].length <= NAME ? suggested : campaign.name}
                {...described}
              />
            )}
          </Field>
        )}
      </FormDialog>
    </>
  );
}

export function RemoveButton({ campaign }: { campaign: Campaign }) {
  const { t } = useSay();
  const words = t.campaigns.remove;
  const navigate = useNavigate();
  const client = useQueryClient();
  const [asked, setAsked] = useState(false);
  const remove = useMutation({
    mutationFn: () => finished(api.DELETE("/api/campaigns/{id}", { params: { path: { id: campaign.id } } })),
    onSuccess: async () => {
      // What is gone is not asked for again.
      await navigate({ to: "/campaigns" });
      client.removeQueries({ queryKey: ["campaign", campaign.id] });
      await client.invalidateQueries({ queryKey: ["campaigns"] });
    },
    onError: () => void client.invalidateQueries({ queryKey: ["campaign", campaign.id] }),
  });
  if (!campaign.allowed_actions.includes("delete") && !asked) return null;
  return (
    <>
      <button type="button" className="button" data-choice="delete" onClick={() => setAsked(true)}>
        {words.open}
      </button>
      <Confirm
        question={asked ? { ...words, dangerous: true } : null}
        busy={remove.isPending}
        error={remove.error}
        onYes={() => remove.mutate()}
        onNo={() => {
          remove.reset();
          setAsked(false);
        }}
      />
    </>
  );
}
