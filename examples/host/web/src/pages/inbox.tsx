// The inbox: the drafts that wait on one side, the one to decide about on the other. All of it by single keys.
import "../inbox/inbox.css";

import { useCallback, useMemo, useRef, useState, useSyncExternalStore } from "react";

import { newKey } from "../api/client";
import { channel } from "../campaign/words";
import { Bar, type Choice } from "../inbox/bar";
import { Bulk, type Decided } from "../inbox/bulk";
import { useNow, useSeen } from "../inbox/clock";
import * as deeds from "../inbox/deeds";
import { useDesk } from "../inbox/desk";
import { Detail, TroubleNote, useFirst } from "../inbox/detail";
import { Editor } from "../inbox/editor";
import { FilterBar } from "../inbox/filters";
import { Help } from "../inbox/help";
import { useKeys } from "../inbox/keys";
import { Row } from "../inbox/list";
import { risk } from "../inbox/marks";
import type { Message } from "../inbox/order";
import { spot, usePlace, type Place } from "../inbox/place";
import { Questions, type Asks } from "../inbox/questions";
import { Strip, told, useRace } from "../inbox/strip";
import { remember } from "../inbox/undo";
import { useSay } from "../i18n";
import { useConnected } from "../live";
import { current as session, subscribe } from "../session";
import { Icon } from "../ui/icon";
import { Empty, Loading, Notice, Problem } from "../ui/parts";
import { useTitle } from "../ui/shell";

/** How long a draft is before somebody's eyes until it can be approved (ms): a key pressed twice is not two decisions. */
const GLANCE = 300;
/** And when its text became another one under their eyes. */
const LOOK_AGAIN = 1_500;

function Nothing({ place }: { place: Place }) {
  const { t, fill, number } = useSay();
  const { filters, filter } = place;
  const some = Object.entries(filters).some(([name, value]) => name !== "sort" && value !== undefined);
  const clear = () =>
    filter({ q: undefined, risk: undefined, occasion: undefined, channel: undefined, campaign: undefined });
  if (!some) return <Empty title={t.inbox.inbox.empty}>{t.inbox.inbox.emptyHint}</Empty>;
  const button = (
    <button type="button" className="button" onClick={clear}>
      {t.inbox.inbox.clear}
    </button>
  );
  return (
    <Empty title={t.inbox.inbox.none} action={button}>
      {fill(t.inbox.inbox.noneHint, { n: number(place.found.data?.total ?? 0) })}
    </Empty>
  );
}

function List({
  place,
  selected,
  busy,
  decides,
  onSelect,
}: {
  place: Place;
  selected: ReadonlySet<string>;
  busy: ReadonlySet<string>;
  decides: boolean;
  onSelect: (id: string) => void;
}) {
  const { t } = useSay();
  const now = useNow(30_000);
  return (
    <ol className="drafts" aria-label={t.inbox.inbox.list}>
      {place.items.map((one) => (
        <Row
          key={one.id}
          message={one}
          state={{
            current: one.id === place.id,
            selected: selected.has(one.id),
            later: place.later.has(one.id),
            busy: busy.has(one.id),
          }}
          now={now}
          search={place.filters}
          decides={decides}
          onSelect={() => onSelect(one.id)}
        />
      ))}
    </ol>
  );
}

/** What is selected, as long as it is listed. */
function useSelection(items: Message[]) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const messages = useMemo(() => items.filter((one) => chosen.has(one.id)), [items, chosen]);
  const ids = useMemo(() => new Set(messages.map((one) => one.id)), [messages]);
  const toggle = (id: string) => {
    const next = new Set(ids);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const all = items.length > 0 && ids.size === items.length;
  return {
    messages,
    ids,
    all,
    toggle,
    clear: () => setChosen(new Set()),
    toggleAll: () => setChosen(new Set(all ? [] : items.map((one) => one.id))),
  };
}

export function InboxPage() {
  const say = useSay();
  const { t, fill, number, count } = say;
  const role = useSyncExternalStore(subscribe, session)?.user.role;
  const decides = role === "manager" || role === "admin";
  const connected = useConnected();
  const place = usePlace();
  const desk = useDesk();
  const race = useRace();
  const selection = useSelection(place.items);
  const search = useRef<HTMLInputElement>(null);
  const [asks, setAsks] = useState<Asks>(null);
  const [editing, setEditing] = useState<string | null>(null);
  const [reworded, setReworded] = useState<string | null>(null);
  const [said, setSaid] = useState("");
  const { message, id } = place;
  const waits = message?.status === "pending_approval" || message?.status === "draft";
  const wait = reworded !== null && reworded === id ? LOOK_AGAIN : GLANCE;
  const ready = useSeen(message ? `${message.id} ${message.digest}` : "", wait);
  const busy = id !== null && desk.busy.has(id);
  const edits = waits && editing !== null && editing === id;
  const first = useFirst(id);
  const total = place.found.data?.total ?? 0;
  useTitle(total > 0 ? `${t.inbox.inbox.title} (${number(total)})` : t.inbox.inbox.title);

  const name = message?.contact?.name ?? message?.recipient ?? "";
  const done = (deed: "approve" | "reject" | "edit" | "regenerate" | "skip", whom = name) =>
    setSaid(fill(t.inbox.done[deed], { name: whom }));
  const back = () => spot(id);
  const close = () => setAsks(null);

  const decide = async (
    deed: "approve" | "reject" | "regenerate",
    act: (one: Message) => Promise<Message>,
  ) => {
    if (!message || busy) return;
    const after = await desk.run(deed, message, () => act(message));
    if (after === "lost") return close();
    if (!after) return;
    close();
    setEditing(null);
    done(deed);
    if (after.status !== "pending_approval") place.onward(message.id);
  };
  const save = async (text: deeds.Written, version: number, approve: boolean): Promise<boolean> => {
    if (!message || busy) return false;
    const same = text.content === message.content && text.subject === (message.subject ?? null);
    const saved = same
      ? message
      : await desk.run("edit", message, () => deeds.edit(message.id, version, text));
    if (!saved || saved === "lost") return false;
    setEditing(null);
    if (!approve) {
      done("edit");
      spot(id)?.focus();
      return true;
    }
    const after = await desk.run("approve", saved, () => deeds.approve(saved));
    if (after && after !== "lost") {
      done("approve");
      place.onward(message.id);
    }
    return true;
  };
  const undo = async () => {
    const taken = await desk.undo();
    if (!taken) return setSaid(t.inbox.failed.nothing);
    const [back] = taken.done;
    if (back === undefined) return;
    const whom = taken.decision.name || count(taken.done.length, t.inbox.counted.drafts);
    setSaid(fill(t.inbox.done.undone, { name: whom }));
    place.go(back);
  };
  const decidedMany = ({ action, applied, at }: Decided) => {
    selection.clear();
    if (applied.length === 0) return;
    const steps = applied.map((one) => deeds.stepBack(action, one, one.version + 1));
    const soonest = at + deeds.WINDOW_OF_MANY * 1_000;
    const decision = {
      key: newKey(),
      deed: action,
      name: "",
      steps,
      leaves: action === "approve" ? soonest : null,
    };
    remember(decision);
    setSaid(told(decision, say));
    desk.refresh();
  };
  const choose = (choice: Choice) => {
    if (!message || !waits || !decides || busy) return;
    desk.calm();
    if (choice === "edit") setEditing(message.id);
    else if (choice === "reject" || choice === "regenerate") setAsks(choice);
    else if (choice === "skip") {
      done("skip");
      place.skip(message.id);
    } else if (ready) {
      if (risk(message.findings) < 3) void decide("approve", deeds.approve);
      else if (role === "admin") setAsks("override");
      else setSaid(t.inbox.failed.blocked);
    }
  };
  const many = (choice: "approve" | "reject") =>
    selection.ids.size > 0 ? setAsks(`bulk-${choice}`) : choose(choice);
  useKeys({
    j: () => place.step(1),
    ArrowDown: () => place.step(1),
    k: () => place.step(-1),
    ArrowUp: () => place.step(-1),
    "/": () => search.current?.focus(),
    "?": () => setAsks("help"),
    ...(decides
      ? {
          a: () => many("approve"),
          r: () => many("reject"),
          e: () => choose("edit"),
          g: () => choose("regenerate"),
          s: () => choose("skip"),
          u: () => void undo(),
          x: () => id !== null && place.ids.includes(id) && selection.toggle(id),
          X: () => selection.toggleAll(),
          Escape: () => selection.clear(),
        }
      : {}),
  });

  const channels = ["email", "sms", "telegram", "whatsapp"].map((code): [string, string] => [
    code,
    channel(code, say),
  ]);
  const trouble = desk.trouble;
  const note = trouble ? (
    <TroubleNote trouble={trouble} onOpen={trouble.id === id ? null : () => place.go(trouble.id)} />
  ) : null;
  const onReworded = useCallback((which: string | null) => setReworded(which), []);
  const leaveSearch = useCallback(() => spot(id)?.focus(), [id]);
  const shown = place.items.length;
  return (
    <div className={place.named ? "inbox inbox-open" : "inbox"}>
      <div className="inbox-head">
        <h1>
          {t.inbox.inbox.title}{" "}
          {place.found.data ? <span className="inbox-count">{number(total)}</span> : null}
        </h1>
        <FilterBar
          filters={place.filters}
          channels={channels}
          field={search}
          onChange={place.filter}
          onLeave={leaveSearch}
        />
      </div>
      <p className="hidden" role="status" data-said>
        {said}
      </p>
      <Strip
        decides={decides}
        busy={desk.busy.size > 0}
        onUndo={() => void undo()}
        onHelp={() => setAsks("help")}
      />
      {connected || !place.found.error ? null : <Notice tone="warn">{<p>{t.inbox.inbox.away}</p>}</Notice>}
      {place.found.error && !place.found.data ? (
        <Problem error={place.found.error} retry={() => void place.found.refetch()} />
      ) : null}
      <div className="inbox-panes">
        <div className="inbox-list">
          {decides && shown > 0 ? (
            <div className="inbox-many">
              <label className="draft-check">
                <input
                  type="checkbox"
                  checked={selection.all}
                  onChange={selection.toggleAll}
                  aria-label={t.inbox.inbox.selectAll}
                />
              </label>
              {selection.ids.size > 0 ? (
                <>
                  <span>{count(selection.ids.size, t.inbox.counted.selected)}</span>
                  <button
                    type="button"
                    className="button button-small"
                    onClick={() => setAsks("bulk-approve")}
                  >
                    {t.inbox.bulk.approve}
                  </button>
                  <button
                    type="button"
                    className="button button-small"
                    onClick={() => setAsks("bulk-reject")}
                  >
                    {t.inbox.bulk.reject}
                  </button>
                </>
              ) : (
                <span className="faint">{count(shown, t.inbox.counted.drafts)}</span>
              )}
            </div>
          ) : null}
          {place.found.isPending ? <Loading lines={9} /> : null}
          {place.found.data && shown === 0 ? <Nothing place={place} /> : null}
          {shown > 0 ? (
            <List
              place={place}
              selected={selection.ids}
              busy={desk.busy}
              decides={decides}
              onSelect={selection.toggle}
            />
          ) : null}
          {(place.found.data?.items.length ?? 0) < total ? (
            <p className="faint inbox-some">
              {fill(t.inbox.inbox.some, {
                n: number(place.found.data?.items.length ?? 0),
                total: number(total),
              })}
            </p>
          ) : null}
        </div>
        <div className="inbox-detail">
          {place.named ? (
            <button type="button" className="inbox-back" onClick={() => place.go(null)}>
              <Icon name="back" />
              {t.inbox.inbox.back}
            </button>
          ) : null}
          {message ? (
            <Detail
              message={message}
              trouble={edits ? null : note}
              decides={decides}
              reworded={onReworded}
              editor={
                edits ? (
                  <Editor
                    key={message.id}
                    message={message}
                    first={first !== message.content ? first : null}
                    busy={busy}
                    error={trouble?.winner ? null : trouble?.error}
                    changedBy={trouble?.winner ? race(trouble.winner) : null}
                    onSave={save}
                    onClose={() => {
                      setEditing(null);
                      spot(id)?.focus();
                    }}
                  />
                ) : null
              }
            >
              {decides && waits && !edits ? (
                <Bar message={message} admin={role === "admin"} busy={busy} ready={ready} onChoose={choose} />
              ) : null}
            </Detail>
          ) : place.error ? (
            <Problem error={place.error} />
          ) : id !== null ? (
            <Loading lines={6} />
          ) : (
            note
          )}
        </div>
      </div>
      {asks === "help" ? <Help onClose={close} backTo={back} /> : null}
      {asks === "bulk-approve" || asks === "bulk-reject" ? (
        <Bulk
          action={asks === "bulk-approve" ? "approve" : "reject"}
          messages={selection.messages}
          onDone={decidedMany}
          onClose={close}
          backTo={back}
        />
      ) : null}
      <Questions
        asks={asks}
        busy={busy}
        trouble={trouble}
        backTo={back}
        onNo={() => {
          desk.calm();
          close();
        }}
        onReject={(reason) => void decide("reject", (one) => deeds.reject(one, reason))}
        onRegenerate={(wish) => void decide("regenerate", (one) => deeds.regenerate(one, wish))}
        onOverride={(reason) => void decide("approve", (one) => deeds.approve(one, reason))}
      />
    </div>
  );
}
