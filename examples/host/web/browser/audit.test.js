// The audit viewer: what happened in order and in words, about whom, and whether the chain is whole.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { fits, open, PHONE, signIn, startBrowser } from "./support/browser.js";
import { startHost, until } from "./support/host.js";
import { becomes, draft } from "./support/inbox.js";

const ADMIN = "admin@salon.example";
const VIEWER = "viewer@salon.example";
const PEOPLE = 60;
let host, browser, token, message, total;

const end = async () => (await host.call(token, "GET", "/api/audit/checkpoint")).position;
const places = (page) =>
  page.locator(".audit-event").evaluateAll((all) => all.map((one) => Number(one.dataset.position)));
const shows = (page, first, count) =>
  page.waitForFunction(
    ([first, count]) => {
      const all = [...document.querySelectorAll(".audit-event")];
      const stale = document.querySelector(".audit-stale");
      return !stale && all.length === count && all[0].dataset.position === String(first);
    },
    [first, count],
  );

before(async () => {
  host = await startHost();
  browser = await startBrowser();
  token = await host.admin(ADMIN);
  const viewer = { email: VIEWER, full_name: "V", password: "browser-password", role: "viewer" };
  await host.call(token, "POST", "/api/auth/register", viewer);
  await host.people(token, "crowd", PEOPLE);
  message = await draft(host, token, { name: "Ольга Щербакова", email: "olga@x.example" });
  const { version } = await host.call(token, "GET", `/api/messages/${message.id}`);
  await host.call(token, "POST", `/api/messages/${message.id}/approve`, { version });
  await becomes(host, token, message.id, "sent");
  // Sealing follows; nothing happens after it.
  const { items } = await host
    .call(token, "GET", `/api/messages/${message.id}/history`)
    .then((items) => ({ items }));
  total = await until("all sealed", end, (position) => position >= PEOPLE + 1 + items.length);
});
after(async () => {
  await browser?.close();
  await host?.stop();
});

test("the newest events stand first, and pages go on to the oldest", async () => {
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/inbox");
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Audit" }).click();
  await page.getByRole("heading", { level: 1, name: "Audit" }).waitFor();
  await shows(page, total, 50);
  assert.deepEqual(
    await places(page),
    Array.from({ length: 50 }, (_, index) => total - index),
  );
  const newest = page.locator(".audit-event").first();
  await newest.getByText("Sent", { exact: true }).first().waitFor();
  await newest.getByText("the worker").waitFor();
  await page.getByRole("button", { name: "Next" }).click();
  await shows(page, total - 50, total - 50);
  assert.equal((await places(page)).at(-1), 1);
  const oldest = page.locator(".audit-event").last();
  await oldest.getByRole("link", { name: "Contact" }).waitFor();
  await oldest.getByText("Created").waitFor();
  await oldest.getByText("Анна Каримова").waitFor();
  assert.equal(await page.getByRole("button", { name: "Next" }).isDisabled(), true);
  await page.getByRole("button", { name: "Previous" }).click();
  await shows(page, total, 50);
  await page.getByRole("button", { name: "As it happened" }).click();
  await shows(page, 1, 50);
  await page.getByRole("button", { name: "Next" }).click();
  await shows(page, 51, total - 50);
  await window.close();
});

test("what happened to a contact and to a message is found by name, by id and by address", async () => {
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/audit");
  await page.locator("select[name=about]").selectOption("contact");
  await page.locator("input[name=contact]").fill("щербакова");
  await page.getByRole("button", { name: "Ольга Щербакова" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".audit-event").length === 1);
  await page.getByRole("link", { name: "Ольга Щербакова" }).waitFor();
  assert.equal(new URL(page.url()).searchParams.get("contact"), message.contact_id);
  await page.getByRole("link", { name: "Show everything" }).click();
  await shows(page, total, 50);
  await page.locator("select[name=about]").selectOption("message");
  const field = page.locator("input[name=message]");
  await field.fill("not an id");
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByText("An id has 36 characters", { exact: false }).waitFor();
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  await field.fill(`${host.url}/messages/${message.id}`);
  await page.keyboard.press("Enter");
  const { items } = await host.call(token, "GET", `/api/audit?message_id=${message.id}`);
  await shows(page, items.at(-1).position, items.length);
  const actions = await page
    .locator(".audit-event")
    .evaluateAll((all) => all.map((one) => one.dataset.action));
  assert.deepEqual(actions.reverse(), ["created", "submitted", "approved", "claimed", "begun", "sent"]);
  // An event leads to what it is about, and shows what its seal is made of.
  const first = page.locator(".audit-event").first();
  await first.getByRole("button", { name: /Seal/u }).click();
  await first.getByText(items.at(-1).hash).waitFor();
  await first.getByText(items.at(-1).prev_hash).waitFor();
  await first.getByRole("link", { name: "Message" }).click();
  await page.waitForURL(`${host.url}/messages/${message.id}`);
  // And back: a message and a contact lead to what happened to them.
  await page.locator("#main").getByRole("link", { name: "Audit" }).click();
  await shows(page, items.at(-1).position, items.length);
  await page.goto(`/contacts/${message.contact_id}`);
  await page.locator("#main").getByRole("link", { name: "Audit" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".audit-event").length === 1);
  await window.close();
});

test("the chain is checked, and its end is kept as a file", async () => {
  const window = await open(browser, host, { acceptDownloads: true });
  const { page } = window;
  await signIn(page, VIEWER, "/audit");
  await page.getByRole("button", { name: "Check the chain" }).click();
  await page.getByText("The chain is whole").waitFor();
  await page.getByText(`${total} events were checked`, { exact: false }).waitFor();
  const file = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save the end as a file" }).click();
  const kept = JSON.parse(await readFile(await (await file).path(), "utf8"));
  assert.deepEqual(kept, await host.call(token, "GET", "/api/audit/checkpoint"));
  await window.close();
});

test("a broken chain is told with its place, and a check that fails is not taken for one that found nothing", async () => {
  const window = await open(browser, host, {}, ["503 /api/audit/verify"]);
  const { page } = window;
  const found = { valid: false, events: total, sealed: total, first_bad: 40 };
  const checkpoint = { position: total, hash: "00" };
  let answer = { status: 503, contentType: "application/json", body: '{"detail":"d","code":"c"}' };
  await page.route("**/api/audit/verify", (route) => route.fulfill(answer));
  await signIn(page, ADMIN, "/audit");
  await page.getByRole("button", { name: "Check the chain" }).click();
  await page.getByText("Not available for now").waitFor();
  assert.equal(await page.getByText("The chain is whole").count(), 0);
  answer = { json: { ...found, checkpoint } };
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("The chain is broken").waitFor();
  await page.getByText("From place 40 on", { exact: false }).waitFor();
  await page.getByRole("link", { name: "Show the place" }).click();
  await shows(page, 40, total - 39);
  await window.close();
});

test("what happens meanwhile comes to the top, but does not move an older page", async () => {
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/audit");
  await shows(page, total, 50);
  await host.people(token, "late", 1);
  total = await until("sealed", end, (position) => position === total + 1);
  await shows(page, total, 50);
  await page.getByRole("button", { name: "Next" }).click();
  await shows(page, total - 50, total - 50);
  await host.people(token, "later", 1);
  total = await until("sealed", end, (position) => position === total + 1);
  // The count follows, the page stays.
  await page.locator(".pager-range", { hasText: `of ${total}` }).waitFor();
  await shows(page, total - 51, total - 51);
  await window.close();
});

test("by the keyboard alone, on a phone", async () => {
  const window = await open(browser, host, { viewport: PHONE, hasTouch: true, isMobile: true });
  const { page } = window;
  await signIn(page, VIEWER, "/inbox");
  await page.getByRole("button", { name: "More" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Audit" }).waitFor();
  await page.waitForFunction(() => document.activeElement?.closest("[role=menu]") !== null);
  await page.keyboard.press("Home");
  for (let step = 0; step < 5; step += 1) {
    if ((await page.evaluate(() => document.activeElement?.textContent?.trim())) === "Audit") break;
    await page.keyboard.press("ArrowDown");
  }
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Audit" }).waitFor();
  await shows(page, total, 50);
  await fits(page, "audit");
  const seal = page.getByRole("button", { name: `Seal ${total}` });
  await seal.focus();
  await page.keyboard.press("Enter");
  await page.locator(".audit-seal").waitFor();
  assert.equal(await seal.getAttribute("aria-expanded"), "true");
  await fits(page, "audit with a seal");
  await window.close();
});
