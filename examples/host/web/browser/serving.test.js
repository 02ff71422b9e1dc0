// How the host serves the page: kinds of files, how long they are kept, what they may load, and which addresses are
// the page's.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { startHost } from "./support/host.js";

const HTML = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
let host;

before(async () => {
  host = await startHost({ flags: ["--no-worker"] });
});
after(() => host?.stop());

const get = (path, init) => fetch(host.url + path, { redirect: "manual", headers: HTML, ...init });

test("every address of the page is the page", async () => {
  const index = await (await get("/")).text();
  assert.match(index, /<div id="root">/u);
  for (const path of [
    "/campaigns",
    "/campaigns/new",
    "/sign-in?to=/campaigns",
    "/no/such/page",
    "/index.html",
  ]) {
    const answer = await get(path);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.headers.get("content-type"), "text/html; charset=utf-8");
    assert.equal(answer.headers.get("cache-control"), "no-cache");
    assert.equal(await answer.text(), index);
  }
});

test("the page loads its own files alone, and runs nothing that stands in it", async () => {
  const answer = await get("/");
  const policy = answer.headers.get("content-security-policy");
  for (const part of [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ]) {
    assert.ok(policy.includes(part), part);
  }
  assert.doesNotMatch(policy, /unsafe|https?:|data:|\*/u);
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  assert.equal(answer.headers.get("referrer-policy"), "no-referrer");
  assert.equal(answer.headers.get("x-frame-options"), "DENY");
  assert.equal(answer.headers.get("cross-origin-opener-policy"), "same-origin");
  const html = await answer.text();
  assert.doesNotMatch(html, /https?:/u);
  for (const [, attributes, inside] of html.matchAll(/<(?:script|style)([^>]*)>([^<]*)/gu)) {
    assert.match(attributes, /src="\//u);
    assert.equal(inside.trim(), "");
  }
});

test("hashed files are kept for good, others are asked for again", async () => {
  const html = await (await get("/")).text();
  const files = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/gu)].map(([, path]) => path);
  const kinds = {
    js: "text/javascript; charset=utf-8",
    css: "text/css; charset=utf-8",
    svg: "image/svg+xml",
  };
  const seen = new Set();
  for (const path of files) {
    const answer = await get(path);
    const kind = path.split(".").at(-1);
    seen.add(kind);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.headers.get("content-type"), kinds[kind], path);
    const kept = path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache";
    assert.equal(answer.headers.get("cache-control"), kept, path);
    const tag = answer.headers.get("etag");
    const again = await get(path, { headers: { "if-none-match": tag } });
    assert.equal(again.status, 304, path);
    assert.equal((await again.arrayBuffer()).byteLength, 0);
    assert.ok((await answer.arrayBuffer()).byteLength > 0);
  }
  assert.deepEqual([...seen].sort(), ["css", "js", "svg"]);
});

test("what is neither page nor file is not found, and the API stays the API", async () => {
  for (const [path, init] of [
    ["/assets/gone.js", {}],
    ["/api/nothing", {}],
    ["/campaigns", { headers: { accept: "application/json" } }],
    ["/campaigns", { method: "POST" }],
    ["/../Cargo.toml", { headers: {} }],
    ["/%2e%2e/Cargo.toml", { headers: {} }],
  ]) {
    const answer = await get(path, init);
    assert.equal(answer.status, 404, path);
    assert.equal((await answer.json()).code, "not_found");
    assert.equal(answer.headers.get("content-security-policy").split(";")[0], "default-src 'none'");
  }
  const head = await get("/campaigns", { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal((await get("/healthz")).status, 200);
  assert.equal((await get("/api/docs/")).status, 200);
  const openapi = await (await get("/api/openapi.json")).json();
  assert.ok(openapi.paths["/api/campaigns/{id}/cost"]);
});
