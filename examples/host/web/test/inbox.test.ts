import { expect, test } from "vitest";

import { diff } from "../src/inbox/diff";
import { meant } from "../src/inbox/keys";
import { pieces, risk, type Finding } from "../src/inbox/marks";
import { deadline, following, neighbour, sorted, type Message } from "../src/inbox/order";
import { distance, there } from "../src/inbox/when";

const shown = (before: string, after: string) =>
  diff(before, after)
    .map(({ kind, text }) => ({ same: text, removed: `[-${text}]`, added: `[+${text}]` })[kind])
    .join("");

test("a changed word is one removed and one added, and the rest is the same", () => {
  expect(shown("Анна, с праздником!", "Анна, с днём рождения!")).toBe(
    "Анна, с [-праздником][+днём рождения]!",
  );
  expect(shown("one two three", "one three")).toBe("one [-two ]three");
  expect(shown("same", "same")).toBe("same");
  expect(shown("", "new")).toBe("[+new]");
  expect(shown("old", "")).toBe("[-old]");
  expect(diff("", "")).toEqual([]);
});

test("a word of any script is not cut in two", () => {
  expect(shown("Bu oʻzbekcha matn", "Bu oʻzbek matn")).toBe("Bu [-oʻzbekcha][+oʻzbek] matn");
  expect(shown("Ҳурматли Жасур", "Ҳурматли Гулнора")).toBe("Ҳурматли [-Жасур][+Гулнора]");
  expect(shown("Привет 👩‍👩‍👧", "Привет 👩‍👩‍👦")).toBe("Привет [-👩‍👩‍👧][+👩‍👩‍👦]");
});

test("both texts can be read out of their difference", () => {
  const texts = ["a b c a b b a", "c b a b a c", "x  y\nz", "Один, два; три. Четыре!", "два три, пять!"];
  for (const before of texts) {
    for (const after of texts) {
      const changes = diff(before, after);
      const of = (kind: string) => changes.filter((one) => one.kind !== kind).map((one) => one.text);
      expect(of("added").join("")).toBe(before);
      expect(of("removed").join("")).toBe(after);
    }
  }
});

test("texts too long to be compared are one change", () => {
  const [before, after] = ["a ".repeat(3_000), "b ".repeat(3_000)];
  expect(diff(before, after).map((one) => one.kind)).toEqual(["removed", "added", "same"]);
});

const finding = (severity: Finding["severity"], start: number, end: number): Finding => ({
  rule: "number",
  severity,
  part: "content",
  span: { start, end },
  message: "",
});

test("spans count characters, not the halves of them that a string is made of", () => {
  const text = "Анна 🎉 скидка 50% вам";
  const start = Array.from(text).findIndex((sign) => sign === "5");
  const found = pieces(text, [finding("warning", start, start + 3)], "content");
  expect(found).toEqual([
    { text: "Анна 🎉 скидка ", findings: [] },
    { text: "50%", findings: [0] },
    { text: " вам", findings: [] },
  ]);
});

test("where findings meet the gravest one is first, and no sign is lost", () => {
  const found = pieces("abcdef", [finding("notice", 0, 4), finding("blocking", 2, 9)], "content");
  expect(found).toEqual([
    { text: "ab", findings: [0] },
    { text: "cd", findings: [1, 0] },
    { text: "ef", findings: [1] },
  ]);
  expect(pieces("abc", [finding("notice", 0, 1)], "subject")).toEqual([{ text: "abc", findings: [] }]);
  expect(pieces("", [], "content")).toEqual([]);
  expect(pieces("abc", [finding("notice", 2, 2), finding("notice", 7, 9)], "content")).toEqual([
    { text: "abc", findings: [] },
  ]);
  expect(risk([])).toBe(0);
  expect(risk([finding("notice", 0, 1), finding("blocking", 0, 1)])).toBe(3);
});

function message(id: string, at: string | null, until: string | null, findings: Finding[] = []): Message {
  return {
    id,
    scheduled_for: at,
    expires_at: until,
    findings,
    created_at: "2026-01-01T00:00:00Z",
  } as Message;
}

test("the deadline is when it leaves, or when it no longer may", () => {
  const [early, late] = ["2026-03-01T10:00:00Z", "2026-03-01T15:00:00+04:00"];
  expect(deadline({ scheduled_for: early, expires_at: late })).toBe(early);
  expect(deadline({ scheduled_for: null, expires_at: late })).toBe(late);
  expect(deadline({ scheduled_for: late, expires_at: null })).toBe(late);
  expect(deadline({ scheduled_for: null, expires_at: null })).toBeNull();
  // Instants are compared, not their spellings.
  const until = "2026-03-01T15:00:00+10:00";
  expect(deadline({ scheduled_for: early, expires_at: until })).toBe(until);
});

test("what is due first stands first, then what is graver; or the other way round; put off ones last", () => {
  const grave = [finding("blocking", 0, 1)];
  const all = [
    message("calm", null, null),
    message("grave", null, null, grave),
    // The same instant in two spellings.
    message("soon", "2026-03-01T15:00:00+05:00", null),
    message("soon and grave", "2026-03-01T10:00:00Z", null, grave),
  ];
  const ids = (sort: "deadline" | "risk", later: string[] = []) =>
    sorted(all, sort, new Set(later)).map((one) => one.id);
  expect(ids("deadline")).toEqual(["soon and grave", "soon", "grave", "calm"]);
  expect(ids("risk")).toEqual(["soon and grave", "grave", "soon", "calm"]);
  expect(ids("deadline", ["soon and grave"])).toEqual(["soon", "grave", "calm", "soon and grave"]);
});

test("up and down stop at the ends, and go on where one has gone", () => {
  const ids = ["a", "b", "c"];
  expect(neighbour(ids, "a", 0, 1)).toBe("b");
  expect(neighbour(ids, "c", 2, 1)).toBe("c");
  expect(neighbour(ids, "a", 0, -1)).toBe("a");
  // It was the second one, and somebody else decided about it.
  expect(neighbour(ids, "gone", 1, 1)).toBe("b");
  expect(neighbour(ids, "gone", 1, -1)).toBe("a");
  expect(neighbour([], "a", 0, 1)).toBeNull();
  expect(following(ids, "a")).toBe("b");
  expect(following(ids, "c")).toBe("b");
  expect(following(["a"], "a")).toBeNull();
});

test("times are told by the recipient's clock", () => {
  expect(there("2026-03-01T10:00:00Z", "Asia/Tashkent", "uz-Latn")).toBe("1-mar, 2026, 15:00");
  expect(there("2026-03-01T10:00:00Z", "Nowhere/At_All", "en")).toBeNull();
  const now = Date.parse("2026-03-01T10:00:00Z");
  expect(distance("2026-03-01T10:00:30Z", now)).toEqual({ unit: "minutes", n: 0 });
  expect(distance("2026-03-01T10:59:00Z", now)).toEqual({ unit: "minutes", n: 59 });
  expect(distance("2026-03-01T12:30:00Z", now)).toEqual({ unit: "hours", n: 2 });
  expect(distance("2026-03-04T10:00:00Z", now)).toEqual({ unit: "days", n: 3 });
  expect(distance("2026-03-01T08:00:00Z", now)).toEqual({ unit: "hours", n: -2 });
});

test("a key is found by its place where its letter is another one", () => {
  const key = (key: string, code: string, shiftKey = false) => meant({ key, code, shiftKey });
  expect(key("a", "KeyA")).toBe("a");
  // A Russian keyboard, and a Latin one whose letters stand elsewhere.
  expect(key("ф", "KeyA")).toBe("a");
  expect(key("a", "KeyQ")).toBe("a");
  expect(key("Ч", "KeyX", true)).toBe("X");
  // Caps Lock is no Shift.
  expect(key("X", "KeyX")).toBe("x");
  expect(key(".", "Slash")).toBe("/");
  expect(key(",", "Slash", true)).toBe("?");
  expect(key("?", "Digit7", true)).toBe("?");
  expect(key("Escape", "Escape")).toBe("Escape");
  expect(key("1", "Digit1")).toBe("1");
});
