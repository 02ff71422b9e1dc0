// What may be done with a campaign now. Each is asked about first, and each question acts once.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, newKey, told } from "../api/client";
import { useSay, type Say } from "../i18n";
import { Confirm, type Question } from "../ui/confirm";
import { Icon, type IconName } from "../ui/icon";
import { costQuery } from "./queries";
import type { Campaign } from "./words";

export type Deed = "execute" | "test" | "pause" | "resume" | "cancel";

/** Where a campaign stands after each: what was done is told until it has moved on. */
export const LEADS_TO: Record<Deed, Campaign["status"][]> = {
  execute: ["active", "scheduled"],
  test: ["active", "scheduled"],
  pause: ["paused"],
  resume: ["active", "scheduled"],
  cancel: ["cancelled"],
};

const ICONS: Record<Deed, IconName> = {
  execute: "play",
  test: "flask",
  pause: "pause",
  resume: "play",
  cancel: "stop",
};

/** The API's actions as this page's, in the order in which they stand there. */
function deeds(campaign: Campaign): Deed[] {
  const may = new Set<string>(campaign.allowed_actions);
  const all: [Deed, string][] = [
    ["execute", "execute"],
    ["resume", "resume"],
    ["test", "execute"],
    ["pause", "pause"],
    ["cancel", "cancel"],
  ];
  return all.filter(([, action]) => may.has(action)).map(([deed]) => deed);
}

async function act(id: string, deed: Deed, key: string): Promise<unknown> {
  const params = { path: { id }, header: { "Idempotency-Key": key } };
  switch (deed) {
    case "execute":
    case "test":
      return told(api.POST("/api/campaigns/{id}/execute", { params, body: { test_mode: deed === "test" } }));
    case "pause":
      return told(api.POST("/api/campaigns/{id}/pause", { params }));
    case "resume":
      return told(api.POST("/api/campaigns/{id}/resume", { params }));
    case "cancel":
      return told(api.POST("/api/campaigns/{id}/cancel", { params }));
  }
}

function question(deed: Deed, people: string, { t, fill }: Say): Question {
  const words = t.confirm[deed];
  return { ...words, body: fill(words.body, { people }), dangerous: deed === "cancel" };
}

/** What a run will cost, where it is decided on. */
function Price({ id }: { id: string }) {
  const { t, fill, money } = useSay();
  const { data } = useQuery(costQuery(id));
  if (!data || data.cost.basis === "no_model") return null;
  const { expected_total_usd: expected, at_most_usd: most } = data.cost;
  const known = typeof expected === "string" && typeof most === "string";
  return (
    <p className="dialog-price">
      {known ? fill(t.confirmCost, { expected: money(expected), most: money(most) }) : t.confirmCostUnknown}
    </p>
  );
}

export function Actions({ campaign, onDone }: { campaign: Campaign; onDone: (deed: Deed) => void }) {
  const say = useSay();
  const { t } = say;
  const client = useQueryClient();
  const [asked, setAsked] = useState<{ deed: Deed; key: string } | null>(null);
  const cost = useQuery(costQuery(campaign.id));
  const deed = useMutation({
    mutationFn: (one: { deed: Deed; key: string }) => act(campaign.id, one.deed, one.key),
    onSuccess: async (_, one) => {
      await client.invalidateQueries({ queryKey: ["campaign", campaign.id] });
      setAsked(null);
      onDone(one.deed);
    },
    // Somebody may have been faster: what is shown is looked at again.
    onError: () => void client.invalidateQueries({ queryKey: ["campaign", campaign.id] }),
  });
  const close = () => {
    setAsked(null);
    deed.reset();
  };
  const people = cost.data ? say.count(cost.data.cost.to_draft, t.counted.people) : "…";
  const starts = asked?.deed === "execute" || asked?.deed === "test";
  const possible = deeds(campaign);
  if (possible.length === 0 && !asked) return null;
  return (
    <div className="actions">
      {possible.map((one, index) => (
        <button
          key={one}
          type="button"
          className={index === 0 && one !== "pause" ? "button button-primary" : "button"}
          data-action={one}
          onClick={() => setAsked({ deed: one, key: newKey() })}
        >
          <Icon name={ICONS[one]} />
          {t.action[one]}
        </button>
      ))}
      <Confirm
        question={asked ? question(asked.deed, people, say) : null}
        busy={deed.isPending}
        error={deed.error}
        onYes={() => asked && deed.mutate(asked)}
        onNo={close}
      >
        {starts ? <Price id={campaign.id} /> : null}
      </Confirm>
    </div>
  );
}
