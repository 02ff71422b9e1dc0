// What differs between two texts, word by word.

export interface Change {
  kind: "same" | "removed" | "added";
  text: string;
}

/** Longer texts than this (in words and gaps, one times the other) are shown as one change. */
const MOST = 4_000_000;

const words = new Intl.Segmenter(undefined, { granularity: "word" });

/** Words, and what stands between them. */
function pieces(text: string): string[] {
  return Array.from(words.segment(text), ({ segment }) => segment);
}

/** Row after row: how long the longest common part of what follows is. */
function lengths(a: string[], b: string[]): Uint32Array[] {
  const rows = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) {
    const row = rows[i];
    const next = rows[i + 1];
    if (!row || !next) continue;
    for (let j = b.length - 1; j >= 0; j -= 1) {
      row[j] = a[i] === b[j] ? (next[j + 1] ?? 0) + 1 : Math.max(next[j] ?? 0, row[j + 1] ?? 0);
    }
  }
  return rows;
}

function add(changes: Change[], kind: Change["kind"], text: string): void {
  if (text === "") return;
  const last = changes.at(-1);
  if (last?.kind === kind) last.text += text;
  else changes.push({ kind, text });
}

/** What was removed from `before` and added to it, in the order of the text. */
export function diff(before: string, after: string): Change[] {
  const a = pieces(before);
  const b = pieces(after);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (
    end < a.length - start &&
    end < b.length - start &&
    a[a.length - 1 - end] === b[b.length - 1 - end]
  ) {
    end += 1;
  }
  const changes: Change[] = [];
  add(changes, "same", a.slice(0, start).join(""));
  middle(changes, a.slice(start, a.length - end), b.slice(start, b.length - end));
  add(changes, "same", end > 0 ? a.slice(-end).join("") : "");
  return changes;
}

function middle(changes: Change[], a: string[], b: string[]): void {
  if (a.length * b.length > MOST) {
    add(changes, "removed", a.join(""));
    add(changes, "added", b.join(""));
    return;
  }
  const rows = lengths(a, b);
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const [old, now] = [a[i], b[j]];
    if (old !== undefined && old === now) {
      add(changes, "same", old);
      i += 1;
      j += 1;
    } else if (
      old !== undefined &&
      (now === undefined || (rows[i + 1]?.[j] ?? 0) >= (rows[i]?.[j + 1] ?? 0))
    ) {
      add(changes, "removed", old);
      i += 1;
    } else {
      add(changes, "added", now ?? "");
      j += 1;
    }
  }
}
