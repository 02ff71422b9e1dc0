// The analytics: the figures are those of the host, by the clock that was chosen, and they follow what happens.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { fits, open, PHONE, signIn, startBrowser } from "./support/browser.js";
import { startClaude } from "./support/claude.js";
import { startHost } from "./support/host.js";

const ADMIN = "admin@salon.example";
const VIEWER = "viewer@salon.example";
let claude, host, browser, token, contact;

before(async () => {
  claude = await startClaude();
  host = await startHost({ claude });
  browser = await startBrowser();
  token = await host.admin(ADMIN);
  const viewer = { email: VIEWER, full_name: "V", password: "browser-password", role: "viewer" };
  await host.call(token, "POST", "/api/auth/register", viewer);
});
after(async () => {
  await browser?.close();
  await host?.stop();
  await claude?.stop();
});

const get = (path) => host.call(token, "GET", path);
const message = (occasion = "custom") =>
  host.call(token, "POST", "/api/messages", {
    contact_id: contact.id,
    occasion_type: occasion,
    content: "Спасибо за визит! Ждём вас снова.",
    channel: "email",
  });
const figure = (page, name) => page.locator(`[data-figure=${name}]`);
const bar = (page, key, value) => page.locator(`tr[data-bar="${key}"][data-value="${value}"]`);

test("nothing to show is said, and nothing looks broken", async () => {
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/analytics");
  for (const text of [
    "No message was written in these days",
    "No contacts yet",
    "No campaigns yet",
    "The model has drafted nothing yet",
  ])
    await page.getByText(text).waitFor();
  await figure(page, "sent").getByText("0", { exact: true }).waitFor();
  assert.equal(await page.locator("svg rect").count(), 0);
  await window.close();
});

test("the figures follow what happens, without a reload", async () => {
  contact = await host.call(token, "POST", "/api/contacts", {
    name: "Анна Каримова",
    email: "anna@x.example",
    segment: "VIP",
    language: "ru",
  });
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/inbox");
  await page.getByRole("link", { name: "Analytics" }).click();
  await page.getByRole("heading", { level: 1, name: "Analytics" }).waitFor();
  await page.locator(".live-on").waitFor();
  await page.evaluate(() => (window.kept = true));
  const first = await message("birthday");
  await message("promotion");
  await host.call(token, "POST", `/api/messages/${first.id}/submit`, {});
  await figure(page, "waiting").getByText("1", { exact: true }).waitFor();
  await figure(page, "month").getByText("2", { exact: true }).waitFor();
  await bar(page, "pending_approval", 1).waitFor();
  await bar(page, "draft", 1).waitFor();
  await bar(page, "birthday", 1).waitFor();
  await bar(page, "holiday", 0).waitFor();
  await bar(page, "VIP", 1).waitFor();
  await page.getByText("2 messages in all", { exact: false }).waitFor();
  assert.equal(await page.evaluate(() => window.kept), true);
  // A bar leads to what it counts.
  await page.getByRole("link", { name: "Waits for approval" }).click();
  await page.waitForURL(/\/messages\?status=pending_approval$/u);
  await page.getByRole("link", { name: contact.name }).waitFor();
  await window.close();
});

/** The day of this moment there, as the API writes it. */
function today(zone) {
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone: zone, dateStyle: "short" });
  return parts.format(new Date());
}

test("days are those of the chosen time zone, and the picture says what its table says", async () => {
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/analytics");
  const columns = page.locator("svg[aria-label^='Messages by day'] rect");
  const last = (date) =>
    page.locator(`svg[aria-label^='Messages by day'] rect:last-of-type[data-date="${date}"]`);
  // 25 hours apart: never the same day.
  for (const zone of ["Pacific/Kiritimati", "Pacific/Pago_Pago"]) {
    await page.locator("select[name=zone]").selectOption(zone);
    await last(today(zone)).waitFor();
    const asked = await get(`/api/analytics/messages-timeline?days=30&time_zone=${zone}`);
    const shown = await columns.evaluateAll((all) => all.map((one) => one.dataset.date));
    assert.deepEqual(
      shown,
      asked.data.map(({ date }) => date),
    );
    const high = await columns.evaluateAll((all) => all.filter((one) => one.height.baseVal.value > 0).length);
    assert.equal(high, asked.data.filter(({ count }) => count > 0).length);
    assert.equal(new URL(page.url()).searchParams.get("zone"), zone);
  }
  await page.getByRole("link", { name: "7 days" }).click();
  await page.waitForFunction(
    () => document.querySelectorAll("svg[aria-label^='Messages by day'] rect").length === 7,
  );
  // The zone stays, and the address keeps both.
  await page.reload();
  await last(today("Pacific/Pago_Pago")).waitFor();
  assert.equal(await columns.count(), 7);
  await page.getByText("As a table").first().click();
  const rows = page.getByRole("table", { name: "Messages by day" }).locator("tbody tr");
  const table = await rows.evaluateAll((all) =>
    all.map((row) => [row.querySelector("time").dateTime, row.querySelector("td").textContent]),
  );
  const asked = await get("/api/analytics/messages-timeline?days=7&time_zone=Pacific/Pago_Pago");
  assert.deepEqual(
    table,
    asked.data.map(({ date, count }) => [date, String(count)]),
  );
  // What a pointer rests on is said.
  const box = await page.locator("svg[aria-label^='Messages by day']").boundingBox();
  await page.mouse.move(box.x + box.width - 4, box.y + box.height / 2);
  const day = asked.data.at(-1);
  await page
    .locator("[data-chart-said]", { hasText: new RegExp(`: ${day.count}$`, "u") })
    .first()
    .waitFor();
  await window.close();
});

test("what drafts cost is exact, by day and in all", async () => {
  claude.let(2);
  for (let n = 0; n < 2; n += 1) {
    const wanted = { contact_id: contact.id, occasion_type: "birthday" };
    await host.call(token, "POST", "/api/messages/generate", wanted);
  }
  assert.deepEqual(claude.faults, []);
  const usage = await get("/api/usage?group=day");
  assert.equal(usage.items.length, 1);
  const [{ cost_usd: cost }] = usage.items;
  assert.notEqual(cost, "0.00");
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/analytics?days=90");
  await page.locator(`[data-spent="${cost}"]`).waitFor();
  await page.locator(`data[value="${cost}"]`).waitFor();
  const columns = page.locator("svg[aria-label^='Cost by day'] rect");
  await page.waitForFunction(
    () => document.querySelectorAll("svg[aria-label^='Cost by day'] rect").length === 90,
  );
  const high = await columns.evaluateAll((all) => all.filter((one) => one.height.baseVal.value > 0).length);
  assert.equal(high, 1);
  await window.close();
});

test("campaigns stand with what became of their messages", async () => {
  await host.people(token, "spring", 3);
  const campaign = await host.campaign(token, "Весна", "spring");
  claude.let(3);
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/analytics");
  const row = page.locator(`tr[data-campaign="${campaign.id}"]`);
  await row.waitFor();
  await host.call(token, "POST", `/api/campaigns/${campaign.id}/execute`, {});
  await row.getByText("3", { exact: true }).waitFor();
  await row.getByRole("link").click();
  await page.getByRole("heading", { level: 1, name: "Весна" }).waitFor();
  await window.close();
});

test("one figure that fails leaves the others, and is asked for again", async () => {
  const window = await open(browser, host, {}, ["503 /api/analytics/messages-by-status"]);
  const { page } = window;
  let broken = true;
  const refuse = (route) =>
    broken
      ? route.fulfill({ status: 503, contentType: "application/json", body: '{"detail":"d","code":"c"}' })
      : route.fallback();
  await page.route("**/api/analytics/messages-by-status", refuse);
  await signIn(page, ADMIN, "/analytics");
  const card = page.getByRole("region", { name: "By status" });
  await card.getByText("Not available for now").waitFor();
  await bar(page, "birthday", 3).waitFor();
  broken = false;
  await card.getByRole("button", { name: "Try again" }).click();
  await bar(page, "draft", 1).waitFor();
  await window.close();
});

test("a zone that nobody knows is refused in words", async () => {
  const window = await open(browser, host, {}, ["422 /api/analytics/messages-timeline"]);
  const { page } = window;
  await signIn(page, ADMIN, "/analytics?zone=Mars%2FOlympus");
  const card = page.getByRole("region", { name: "Messages by day" });
  await card.getByText("Something is not filled in right").waitFor();
  assert.equal(await page.locator("select[name=zone]").inputValue(), "Mars/Olympus");
  await page.locator("select[name=zone]").selectOption("");
  await card.locator("svg rect").last().waitFor();
  await window.close();
});

test("who may only look sees all of it, on a phone and by the keyboard alone", async () => {
  const window = await open(browser, host, { viewport: PHONE, hasTouch: true, isMobile: true });
  const { page } = window;
  await signIn(page, VIEWER, "/analytics");
  await page.locator("svg[aria-label^='Messages by day'] rect").last().waitFor();
  await bar(page, "VIP", 1).waitFor();
  await fits(page, "analytics");
  await page.locator("#main").focus();
  const summary = () => page.evaluate(() => document.activeElement?.tagName === "SUMMARY");
  for (let step = 0; step < 30 && !(await summary()); step += 1) await page.keyboard.press("Tab");
  assert.ok(await summary());
  await page.keyboard.press("Enter");
  await page.getByRole("table", { name: "Messages by day" }).waitFor();
  await fits(page, "analytics with its table");
  await window.close();
});
