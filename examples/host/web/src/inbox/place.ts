// Where somebody is in the inbox: which drafts are listed, which one is open, and the way from one to the next.
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { usePace } from "../live";
import { following, neighbour, sorted, type Message } from "./order";
import { contactQuery, inboxQuery, messageQuery, type Filters } from "./queries";

/** What was put off, for as long as the page is open. */
let putOff: ReadonlySet<string> = new Set();

/** The one that is open, also when it is no longer in the list. */
function useOpen(id: string | null, listed: Message | undefined) {
  const found = useQuery({ ...messageQuery(id ?? ""), enabled: id !== null && !listed });
  const message = listed ?? (found.data?.id === id ? found.data : undefined);
  const nameless = message !== undefined && !message.contact;
  const contact = useQuery({ ...contactQuery(message?.contact_id ?? ""), enabled: nameless }).data;
  if (!message || message.contact || !contact) return { message, error: listed ? null : found.error };
  const { name, language } = contact;
  const time_zone = contact.time_zone ?? contact.guessed_time_zone ?? null;
  return { message: { ...message, contact: { name, language, time_zone } }, error: null };
}

/** The line of a draft, or on a phone, where no list is seen beside it, its own title. */
export function spot(id: string | null): HTMLElement | null {
  const line = id === null ? null : document.getElementById(`draft-${id}`);
  if (line && line.offsetParent !== null) return line;
  return document.getElementById("detail-name");
}

export function usePlace() {
  const filters: Filters = useSearch({ from: "/inside/inbox" });
  const { id: asked } = useParams({ strict: false });
  const navigate = useNavigate();
  const [later, setLater] = useState(putOff);
  const found = useQuery({ ...inboxQuery(filters), refetchInterval: usePace(true) });
  const all = found.data?.items;
  const { channel, sort = "deadline" } = filters;
  const items = useMemo(() => {
    const wanted = (all ?? []).filter((one) => channel === undefined || one.channel === channel);
    return sorted(wanted, sort, later);
  }, [all, channel, sort, later]);
  const ids = useMemo(() => items.map((one) => one.id), [items]);
  const id = asked ?? ids[0] ?? null;
  const index = id === null ? -1 : ids.indexOf(id);
  const open = useOpen(id, items[index]);

  // Where it was in the list: from there one goes on when it is gone.
  const place = useRef(0);
  const wants = useRef(false);
  useEffect(() => {
    if (index >= 0) place.current = index;
  }, [index]);
  useEffect(() => {
    if (!wants.current) return;
    wants.current = false;
    const here = spot(id);
    here?.focus({ preventScroll: true });
    here?.scrollIntoView({ block: "nearest" });
  }, [id]);

  const go = useCallback(
    (to: string | null) => {
      wants.current = true;
      const kept = { search: (before: Filters) => before, replace: true } as const;
      if (to === null) void navigate({ to: "/inbox", ...kept });
      else void navigate({ to: "/inbox/$id", params: { id: to }, ...kept });
    },
    [navigate],
  );
  const step = (by: 1 | -1) => {
    const to = neighbour(ids, id, place.current, by);
    if (to !== null) go(to);
  };
  const filter = useCallback(
    (change: Record<string, string | undefined>) => {
      void navigate({
        to: "/inbox",
        replace: true,
        search: (before: Filters) =>
          Object.fromEntries(
            Object.entries({ ...before, ...change }).filter(([, value]) => value !== undefined),
          ),
      });
    },
    [navigate],
  );
  return {
    filters,
    found,
    items,
    ids,
    id,
    /** Whether the address names it. */
    named: asked !== undefined,
    message: open.message,
    error: open.error,
    later,
    go,
    step,
    filter,
    /** The one after a decision. */
    onward: (decided: string) => go(following(ids, decided)),
    /** To the end of the list. */
    skip: (skipped: string) => {
      go(following(ids, skipped));
      putOff = new Set([...putOff, skipped]);
      setLater(putOff);
    },
  };
}

export type Place = ReturnType<typeof usePlace>;
