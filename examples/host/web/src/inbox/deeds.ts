// What is asked of the API. Every decision names the version that was seen, and an approval the text, too.
import { api, newKey, told, type Schemas } from "../api/client";
import { asFailure } from "../api/failure";
import type { Message } from "./order";
import { follow, type Decision, type Step } from "./undo";

/** How long what is approved can be taken back (s): alone, and together with others. */
export const WINDOW = 10;
export const WINDOW_OF_MANY = 60;

const header = () => ({ "Idempotency-Key": newKey() });

export function approve(message: Message, reason?: string): Promise<Message> {
  return told(
    api.POST("/api/messages/{id}/approve", {
      params: { path: { id: message.id }, header: header() },
      body: {
        version: message.version,
        digest: message.digest,
        undo_window_s: WINDOW,
        ...(reason ? { override_reason: reason } : {}),
      },
    }),
  );
}

export function reject(message: Message, reason: string): Promise<Message> {
  return told(
    api.POST("/api/messages/{id}/reject", {
      params: { path: { id: message.id }, header: header() },
      body: { version: message.version, ...(reason ? { reason } : {}) },
    }),
  );
}

export interface Written {
  subject: string | null;
  content: string;
}

export function edit(id: string, version: number, text: Written): Promise<Message> {
  return told(
    api.PATCH("/api/messages/{id}", {
      params: { path: { id }, header: header() },
      body: { version, content: text.content, subject: text.subject },
    }),
  );
}

export function regenerate(message: Message, instruction: string): Promise<Message> {
  return told(
    api.POST("/api/messages/{id}/regenerate", {
      params: { path: { id: message.id }, header: header() },
      body: instruction ? { instruction } : {},
    }),
  );
}

export type Many = "approve" | "reject";

export function look(action: Many, ids: string[]): Promise<Schemas["BulkPreview"]> {
  return told(api.POST("/api/messages/bulk/preview", { body: { action, ids } }));
}

export function decideMany(
  action: Many,
  ids: string[],
  manifest: string,
  reason: string,
): Promise<Schemas["BulkResult"]> {
  return told(
    api.POST("/api/messages/bulk", {
      params: { header: header() },
      body: {
        action,
        ids,
        manifest,
        ...(action === "approve" ? { undo_window_s: WINDOW_OF_MANY } : {}),
        ...(reason ? { reason } : {}),
      },
    }),
  );
}

/** How the message is brought back to where a person decides. */
export function stepBack(deed: Decision["deed"], before: Message, version: number): Step {
  const text = { content: before.content, subject: before.subject ?? null };
  // A new schedule voids an approval, also when it is the old one: text and findings stay.
  const back = deed === "approve" ? { scheduled_for: before.scheduled_for ?? null } : text;
  return { id: before.id, version, back };
}

/** When it leaves, by this browser's clock (ms), whatever the host's clock says. */
export function leaves(approved: Message): number {
  const decided = Date.parse(approved.approved_at ?? approved.updated_at);
  return Date.now() + Math.max(0, Date.parse(approved.not_before) - decided);
}

const GONE: Message["status"][] = ["claimed", "sending", "sent", "delivered", "failed", "uncertain"];

export class TooLate extends Error {}

async function stepTaken({ id, version, back }: Step): Promise<void> {
  try {
    const after = await told(
      api.PATCH("/api/messages/{id}", {
        params: { path: { id }, header: header() },
        body: { version, ...back },
      }),
    );
    follow(id, after.version);
  } catch (error) {
    const { kind } = asFailure(error);
    if (kind !== "conflict" && kind !== "refused") throw error;
    const now = await told(api.GET("/api/messages/{id}", { params: { path: { id } } }));
    throw GONE.includes(now.status) ? new TooLate() : error;
  }
}

/** At most this many are asked for at once. */
const ABREAST = 6;

export interface TakenBack {
  done: string[];
  failed: { id: string; error: unknown }[];
}

/** Takes a decision back, for each message by itself. */
export async function takeBack(decision: Decision): Promise<TakenBack> {
  const result: TakenBack = { done: [], failed: [] };
  const waiting = [...decision.steps];
  const work = async () => {
    for (let step = waiting.shift(); step; step = waiting.shift()) {
      try {
        await stepTaken(step);
        result.done.push(step.id);
      } catch (error) {
        result.failed.push({ id: step.id, error });
      }
    }
  };
  await Promise.all(Array.from({ length: ABREAST }, work));
  return result;
}

export interface Winner {
  action: string;
  who: string;
  role: string;
  at: string;
}

const DECISIONS = ["approved", "rejected", "edited", "rescheduled", "cancelled", "invalidated", "expired"];

/** Who was faster; null when the history does not say. */
export async function winner(id: string): Promise<Winner | null> {
  try {
    const lines = await told(api.GET("/api/messages/{id}/history", { params: { path: { id } } }));
    const line = lines.find((one) => DECISIONS.includes(one.action));
    return line ? { action: line.action, who: line.user_id, role: line.role, at: line.created_at } : null;
  } catch {
    return null;
  }
}
