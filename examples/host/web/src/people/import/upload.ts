// A file and what is known of it, sent to be looked at or to be imported.
import { authorised, newKey, type Schemas } from "../../api/client";
import { failure, offline } from "../../api/failure";

export type Preview = Schemas["ImportPreview"];
export type Import = Schemas["Import"];
export type Options = Schemas["ImportOptions"];

/** The largest file that the host takes (bytes). */
export const LARGEST = 10 * 1024 * 1024;

/** One request, as often as it is sent: its body and its key stay the same, so that it acts once. */
export interface Sending {
  body: ArrayBuffer;
  type: string;
  key: string;
}

export async function sending(file: File, options: Options, resume?: string): Promise<Sending> {
  const form = new FormData();
  form.set("file", file);
  form.set("options", JSON.stringify(options));
  if (resume) form.set("resume", resume);
  // The browser draws a line between the parts; another one would be another request.
  const drawn = new Response(form);
  const type = drawn.headers.get("content-type") ?? "multipart/form-data";
  return { body: await drawn.arrayBuffer(), type, key: newKey() };
}

async function post(path: string, { body, type, key }: Sending, keyed: boolean): Promise<Response> {
  const headers: Record<string, string> = { "content-type": type };
  if (keyed) headers["idempotency-key"] = key;
  let answer;
  try {
    answer = await authorised(new Request(path, { method: "POST", headers, body }));
  } catch (reason) {
    throw offline(reason);
  }
  if (!answer.ok) throw failure(answer, await answer.json().catch(() => null));
  return answer;
}

/** What an import would do. Nothing is written. */
export async function look(file: File, options: Options): Promise<Preview> {
  let what;
  try {
    what = await sending(file, options);
  } catch {
    // It was moved or changed since it was chosen.
    throw failure(new Response(null, { status: 400 }), null);
  }
  return (await (await post("/api/contacts/import/preview", what, false)).json()) as Preview;
}

export async function begin(what: Sending): Promise<Import> {
  return (await (await post("/api/contacts/import", what, true)).json()) as Import;
}
