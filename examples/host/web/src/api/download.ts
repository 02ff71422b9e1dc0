// Files that the host makes. They need the token, which a link cannot carry: they are fetched, and then saved.
import { authorised } from "./client";
import { failure, offline } from "./failure";

/** How long a saved file's address is kept for the browser to read it (ms). */
const KEPT = 60_000;

function nameIn(answer: Response): string | null {
  return /filename="([^"]+)"/u.exec(answer.headers.get("content-disposition") ?? "")?.[1] ?? null;
}

/** Counts what passes. */
function counted(heard: (bytes: number) => void): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0;
  return new TransformStream({
    transform(part, out) {
      bytes += part.byteLength;
      heard(bytes);
      out.enqueue(part);
    },
  });
}

export function save(file: Blob, name: string): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(address), KEPT);
}

/** Fetches a file and saves it. One that breaks off is a failure, never half a file. */
export async function download(
  path: string,
  name: string,
  heard: (bytes: number) => void = () => undefined,
  signal?: AbortSignal,
): Promise<void> {
  let answer;
  try {
    answer = await authorised(new Request(path, signal ? { signal } : {}));
  } catch (reason) {
    throw offline(reason);
  }
  if (!answer.ok) throw failure(answer, await answer.json().catch(() => null));
  const type = answer.headers.get("content-type") ?? "application/octet-stream";
  let file;
  try {
    // The browser keeps large ones on the disk.
    const body = answer.body?.pipeThrough(counted(heard)) ?? null;
    file = await new Response(body, { headers: { "content-type": type } }).blob();
  } catch (reason) {
    throw offline(reason);
  }
  save(file, nameIn(answer) ?? name);
}
