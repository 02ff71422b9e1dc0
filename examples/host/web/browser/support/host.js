// The host's own program on a database that is gone afterwards.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const PASSWORD = "browser-password";
const PROGRAM = process.env.CRM_HOST;

/** Asks until `fine` holds; a test that waits in vain says for what. */
export async function until(what, ask, fine) {
  const end = Date.now() + 60_000;
  for (;;) {
    const value = await ask();
    if (fine(value)) return value;
    if (Date.now() > end) throw new Error(`${what}: still ${JSON.stringify(value)}`);
    await new Promise((next) => setTimeout(next, 50));
  }
}

export async function startHost({ flags = [], claude = null } = {}) {
  if (!PROGRAM) throw new Error("CRM_HOST names the host's program: cargo xtask test sets it");
  const place = await mkdtemp(join(tmpdir(), "crm-web-"));
  const env = { ...process.env, CRM_DEMO_PASSWORD: PASSWORD, RUST_LOG: "warn" };
  delete env.ANTHROPIC_API_KEY;
  if (claude) Object.assign(env, { ANTHROPIC_API_KEY: "test-key", ANTHROPIC_BASE_URL: claude.url });
  const database = `sqlite:${join(place, "crm.db")}`;
  const args = ["--database", database, "--outbox", join(place, "outbox"), "--listen", "127.0.0.1:0"];
  const child = spawn(PROGRAM, [...args, ...flags], { env, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((done) => child.once("exit", done));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const first = (await lines.next()).value ?? "";
  const url = first.replace(/^listening on /u, "");
  if (!url.startsWith("http://")) throw new Error(`the host said ${JSON.stringify(first)}`);

  async function call(token, method, path, body) {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    if (body !== undefined) headers["content-type"] = "application/json";
    const answer = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }
  async function signIn(email) {
    const answer = await call(null, "POST", "/api/auth/login", { email, password: PASSWORD });
    return answer.access_token;
  }
  return {
    url,
    call,
    signIn,
    /** The first user, an admin. */
    async admin(email = "admin@salon.example") {
      const user = { email, full_name: "Анна Каримова", password: PASSWORD };
      await call(null, "POST", "/api/auth/register", user);
      return signIn(email);
    },
    async people(token, segment, count) {
      for (let i = 1; i <= count; i += 1) {
        const email = `${segment}${i}@example.com`;
        const person = { name: `Клиент ${i}`, email, segment, language: "ru", time_zone: "Asia/Tashkent" };
        await call(token, "POST", "/api/contacts", person);
      }
    },
    campaign(token, name, segment) {
      const fields = { name, occasion_type: "holiday", segment_filter: { segment } };
      return call(token, "POST", "/api/campaigns", fields);
    },
    files: (name) => readFile(join(place, name), "utf8"),
    async stop() {
      child.kill("SIGTERM");
      await ended;
      await rm(place, { recursive: true, force: true });
    },
  };
}
