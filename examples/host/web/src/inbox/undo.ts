// What was decided here and can be taken back: the last one first. In memory, for as long as the page is open.
import { useSyncExternalStore } from "react";

import { current, subscribe as onSession } from "../session";

export type Deed = "approve" | "reject" | "edit" | "regenerate";

/** How one message was left, and what brings it back. */
export interface Step {
  id: string;
  /** The version that the decision made. */
  version: number;
  /** What is sent to have it as it was. */
  back: { content?: string; subject?: string | null; scheduled_for?: string | null };
}

export interface Decision {
  key: string;
  deed: Deed;
  /** Whom the message is for; empty for many. */
  name: string;
  steps: Step[];
  /** When it leaves, by this browser's clock (ms); null for what does not leave. */
  leaves: number | null;
}

/** As many as anybody remembers. */
const MOST = 200;

let decisions: readonly Decision[] = [];
const listeners = new Set<() => void>();

function become(next: readonly Decision[]): void {
  decisions = next;
  for (const listener of listeners) listener();
}

// Nothing of one user is shown to the next one.
onSession(() => {
  if (!current() && decisions.length > 0) become([]);
});

export function remember(decision: Decision): void {
  become([...decisions, decision].slice(-MOST));
}

export function forget(key: string): void {
  become(decisions.filter((one) => one.key !== key));
}

/** A decision about the message was taken back and made this version: what was decided before stands on it now. */
export function follow(id: string, version: number): void {
  become(
    decisions.map((one) => ({
      ...one,
      steps: one.steps.map((step) => (step.id === id ? { ...step, version } : step)),
    })),
  );
}

export function lastDecision(): Decision | null {
  return decisions.at(-1) ?? null;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useLastDecision(): Decision | null {
  return useSyncExternalStore(subscribe, lastDecision);
}
