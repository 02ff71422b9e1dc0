// The beginning of a table, read in the browser: what stands in the columns, for whoever says what they mean. The host reads
// the file itself; where this is not sure of the same reading, it shows nothing.

/** As much as is read (bytes). */
const PART = 64 * 1024;
const ROWS = 4;

/** The first rows of a text; quotes may hold separators, line breaks and doubled quotes. */
export function rowsOf(text: string, separator: string, most = ROWS): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  const close = () => {
    row.push(cell);
    cell = "";
  };
  for (let at = 0; at < text.length && rows.length < most; at += 1) {
    const letter = text[at] ?? "";
    if (quoted) {
      if (letter !== '"') cell += letter;
      else if (text[at + 1] === '"') {
        cell += '"';
        at += 1;
      } else quoted = false;
    } else if (letter === '"' && cell === "") quoted = true;
    else if (letter === separator) close();
    else if (letter === "\n" || letter === "\r") {
      if (letter === "\r" && text[at + 1] === "\n") at += 1;
      close();
      if (row.some((one) => one.trim() !== "")) rows.push(row);
      row = [];
    } else cell += letter;
  }
  if (rows.length < most && (cell !== "" || row.length > 0)) {
    close();
    rows.push(row);
  }
  return rows;
}

export interface Peek {
  /** In the order of the file. */
  columns: string[];
  /** The first cells of each column that hold something. */
  cells: Map<string, string[]>;
}

/** The columns and their first cells; null when the columns are not those that the host found. */
export async function peek(
  file: Blob,
  encoding: string,
  separator: string,
  known: string[],
): Promise<Peek | null> {
  if (separator === "") return null;
  let text;
  try {
    const label = encoding === "utf-8-bom" ? "utf-8" : encoding;
    text = new TextDecoder(label).decode(await file.slice(0, PART).arrayBuffer());
  } catch {
    return null;
  }
  const rows = rowsOf(text, separator, ROWS + 2);
  const head = rows.findIndex(
    (row) => row.length >= known.length && known.every((one) => row.some((cell) => cell.trim() === one)),
  );
  const columns = rows[head]?.map((one) => one.trim()) ?? [];
  if (head < 0 || new Set(columns).size !== columns.length) return null;
  const cells = new Map<string, string[]>();
  for (const [index, column] of columns.entries()) {
    const found = rows.slice(head + 1, head + 1 + ROWS).map((row) => row[index]?.trim() ?? "");
    cells.set(column, found.filter((one) => one !== "").slice(0, 3));
  }
  return { columns: columns.filter((one) => known.includes(one)), cells };
}
