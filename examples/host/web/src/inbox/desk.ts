// Decides and takes back: asks the host, keeps what can be undone, and tells what went wrong and who was faster.
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useCallback, useState } from "react";

import { newKey } from "../api/client";
import { asFailure } from "../api/failure";
import * as deeds from "./deeds";
import type { Message } from "./order";
import { forget, lastDecision, remember, type Decision, type Deed } from "./undo";

/** Why something that was asked for did not happen. */
export interface Trouble {
  id: string;
  name: string;
  error: unknown;
  winner: deeds.Winner | null;
  undoing: boolean;
}

interface Listed {
  items: Message[];
  total: number;
}

const INBOX = ["messages", "inbox"];

/** Lists are changed at once where the host has said what is; it is asked again all the same. */
async function shown(client: QueryClient, id: string, after: Message | null): Promise<void> {
  await client.cancelQueries({ queryKey: INBOX });
  client.setQueriesData<Listed>({ queryKey: INBOX }, (list) => {
    if (!list) return list;
    if (after) return { ...list, items: list.items.map((one) => (one.id === id ? after : one)) };
    const items = list.items.filter((one) => one.id !== id);
    return { items, total: list.total - (list.items.length - items.length) };
  });
}

function again(client: QueryClient, id?: string): void {
  void client.invalidateQueries({ queryKey: ["messages"] });
  if (id) void client.invalidateQueries({ queryKey: ["message", id] });
}

export interface Desk {
  busy: ReadonlySet<string>;
  trouble: Trouble | null;
  calm: () => void;
  /** Looks at the lists again. */
  refresh: () => void;
  /** The message as it is then; null when it did not happen, and `lost` when somebody else was faster. */
  run: (deed: Deed, before: Message, act: () => Promise<Message>) => Promise<Message | "lost" | null>;
  /** The decision that was taken back, as far as it was. */
  undo: () => Promise<{ decision: Decision; done: string[] } | null>;
}

export function useDesk(): Desk {
  const client = useQueryClient();
  const [busy, setBusy] = useState<ReadonlySet<string>>(new Set());
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const mark = useCallback((ids: string[], works: boolean) => {
    setBusy((before) => {
      const next = new Set(before);
      for (const id of ids) {
        if (works) next.add(id);
        else next.delete(id);
      }
      return next;
    });
  }, []);

  const run: Desk["run"] = async (deed, before, act) => {
    const { id } = before;
    const name = before.contact?.name ?? before.recipient;
    mark([id], true);
    setTrouble(null);
    try {
      const after = { ...(await act()), contact: before.contact ?? null };
      const stays = after.status === "pending_approval";
      const leaves = after.status === "approved" ? deeds.leaves(after) : null;
      const steps = [deeds.stepBack(deed, before, after.version)];
      remember({ key: newKey(), deed, name, steps, leaves });
      await shown(client, id, stays ? after : null);
      client.setQueryData(["message", id], after);
      again(client, id);
      return after;
    } catch (error) {
      const lost = asFailure(error).kind === "conflict";
      setTrouble({ id, name, error, winner: lost ? await deeds.winner(id) : null, undoing: false });
      again(client, id);
      return lost ? "lost" : null;
    } finally {
      mark([id], false);
    }
  };

  const undo: Desk["undo"] = async () => {
    const decision = lastDecision();
    if (!decision) return null;
    // At once: pressed twice it takes back two decisions, and not one of them twice.
    forget(decision.key);
    setTrouble(null);
    const { done, failed } = await deeds.takeBack(decision);
    const first = failed[0];
    if (first) {
      const later = failed.filter(({ error }) => asFailure(error).passes).map(({ id }) => id);
      const steps = decision.steps.filter((step) => later.includes(step.id));
      if (steps.length > 0) remember({ ...decision, key: newKey(), steps });
      const lost = asFailure(first.error).kind === "conflict";
      const winner = lost ? await deeds.winner(first.id) : null;
      setTrouble({ id: first.id, name: decision.name, error: first.error, winner, undoing: true });
    }
    await client.invalidateQueries({ queryKey: ["messages"] });
    for (const { id } of decision.steps.slice(0, 20)) again(client, id);
    return { decision, done };
  };

  return { busy, trouble, calm: () => setTrouble(null), refresh: () => again(client), run, undo };
}
