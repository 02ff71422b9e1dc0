// Changes as they are committed, from the host's stream of events. Without the stream, screens ask again by themselves.
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";

import { stream } from "./api/client";

/** Events come in crowds while a campaign is drafted; screens are asked to look at most this often (ms). */
const PACE = 500;
/** How long to wait before the stream is opened again (ms). */
const AGAIN = 3_000;

let connected = false;
const listeners = new Set<() => void>();

function become(next: boolean): void {
  if (connected === next) return;
  connected = next;
  for (const listener of listeners) listener();
}

/** The names of the events in a piece of the stream that ends with an empty line. */
export function names(text: string): string[] {
  const found: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("event:")) found.push(line.slice(6).trim());
  }
  return found;
}

/** Reads until the stream ends, and calls `heard` for each piece that holds events. */
async function read(signal: AbortSignal, heard: () => void): Promise<void> {
  const answer = await stream("/api/events", signal);
  const body = answer.body;
  if (!answer.ok || !body) return;
  become(true);
  // What changed before the stream began is not in it.
  heard();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += decoder.decode(value, { stream: true });
    const end = rest.lastIndexOf("\n\n");
    if (end < 0) continue;
    if (names(rest.slice(0, end)).length > 0) heard();
    rest = rest.slice(end + 2);
  }
}

function follow(client: QueryClient): () => void {
  const stop = new AbortController();
  let timer: number | undefined;
  let pause: number | undefined;
  const heard = () => {
    timer ??= window.setTimeout(() => {
      timer = undefined;
      void client.invalidateQueries();
    }, PACE);
  };
  const again = async () => {
    try {
      await read(stop.signal, heard);
    } catch {
      // The host is away, or the page is left.
    }
    become(false);
    if (!stop.signal.aborted) pause = window.setTimeout(() => void again(), AGAIN);
  };
  void again();
  return () => {
    stop.abort();
    window.clearTimeout(timer);
    window.clearTimeout(pause);
  };
}

/** Keeps every screen below it up to date. */
export function useLive(): void {
  const client = useQueryClient();
  useEffect(() => follow(client), [client]);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useConnected(): boolean {
  return useSyncExternalStore(subscribe, () => connected);
}

/** How often to ask (ms) while something moves: seldom with a stream, which tells. */
export function usePace(moving: boolean): number | false {
  const told = useConnected();
  if (!moving) return false;
  return told ? 10_000 : 3_000;
}
