// Settings: who works here, what may be spent and what was, and the end of all logins.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { fits, open, PHONE, signIn, startBrowser } from "./support/browser.js";
import { startClaude } from "./support/claude.js";
import { PASSWORD, startHost } from "./support/host.js";

const ADMIN = "admin@salon.example";
const VIEWER = "viewer@salon.example";
let claude, host, browser, token, cost;

before(async () => {
  claude = await startClaude();
  host = await startHost({ claude });
  browser = await startBrowser();
  token = await host.admin(ADMIN);
  const person = { name: "Анна", email: "anna@x.example", language: "ru" };
  const contact = await host.call(token, "POST", "/api/contacts", person);
  claude.let(1);
  const wanted = { contact_id: contact.id, occasion_type: "birthday" };
  await host.call(token, "POST", "/api/messages/generate", wanted);
  const usage = await host.call(token, "GET", "/api/usage");
  cost = usage.items[0].cost_usd;
});
after(async () => {
  await browser?.close();
  await host?.stop();
  await claude?.stop();
});

const budgets = async () => (await host.call(token, "GET", "/api/budgets")).items;
const budget = (page, period, limit) =>
  page.locator(`[data-budget="${period}"][data-limit="${limit}"][data-campaign=""]`);

test("somebody is added and can sign in; a wrong field is told beside it", async () => {
  const window = await open(browser, host, {}, ["422 /api/auth/register", "409 /api/auth/register"]);
  const { page } = window;
  await signIn(page, ADMIN, "/inbox");
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Add a person" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.locator("input[name=full_name]").fill("Вера Цой");
  await dialog.locator("input[name=email]").fill(ADMIN);
  await dialog.locator("input[name=password]").fill("short");
  await dialog.getByRole("button", { name: "Add" }).click();
  await dialog.locator("input[name=password][aria-invalid=true]").waitFor();
  await dialog.locator("input[name=password]").fill(PASSWORD);
  await dialog.getByRole("button", { name: "Add" }).click();
  await dialog.getByText("this e-mail is already registered").waitFor();
  await dialog.locator("input[name=email]").fill(VIEWER);
  await dialog.getByRole("button", { name: "Add" }).click();
  await page.getByText("Вера Цой can sign in now.").waitFor();
  const line = page.locator("[data-user='Вера Цой']");
  await line.getByText("Viewer").waitFor();
  assert.notEqual(await host.signIn(VIEWER), "");
  await window.close();
});

test("a budget is set, changed over what was seen alone, and removed", async () => {
  const window = await open(browser, host, {}, ["422 /api/budgets", "409 /api/budgets"]);
  const { page } = window;
  await signIn(page, ADMIN, "/settings");
  await page.getByText("Nothing limits what drafts cost.").waitFor();
  await page.getByRole("button", { name: "Set a budget" }).click();
  const dialog = page.getByRole("dialog");
  const limit = dialog.locator("input[name=limit_usd]");
  await dialog.locator("select[name=period]").selectOption("total");
  await limit.fill("1e3");
  await dialog.getByRole("button", { name: "Set" }).click();
  await dialog.locator("input[name=limit_usd][aria-invalid=true]").waitFor();
  await limit.fill("12,5");
  await dialog.getByRole("button", { name: "Set" }).click();
  await page.getByText("The budget holds from now on.").waitFor();
  await budget(page, "total", "12.50").waitFor();
  assert.deepEqual(
    (await budgets()).map((one) => [one.period, one.limit_usd, one.spent_usd]),
    [["total", "12.50", cost]],
  );
  // Somebody else changes it while it is looked at.
  await budget(page, "total", "12.50").locator("[data-change]").click();
  assert.equal(await limit.inputValue(), "12.50");
  await host.call(token, "PUT", "/api/budgets", { period: "total", limit_usd: "7" });
  await limit.fill("20");
  await dialog.getByRole("button", { name: "Set" }).click();
  await dialog.getByText("Somebody was faster").waitFor();
  assert.equal((await budgets())[0].limit_usd, "7.00");
  assert.equal(await limit.inputValue(), "20");
  await dialog.getByRole("button", { name: "Go back" }).click();
  await budget(page, "total", "7.00").locator("[data-change]").click();
  await limit.fill("20");
  await dialog.getByRole("button", { name: "Set" }).click();
  await budget(page, "total", "20.00").waitFor();
  await budget(page, "total", "20.00").locator("[data-remove]").click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Remove" }).click();
  await page.getByText("The budget was removed.").waitFor();
  await page.getByText("Nothing limits what drafts cost.").waitFor();
  assert.deepEqual(await budgets(), []);
  await window.close();
});

test("usage stands to the last digit, by what was chosen, and leaves as a file", async () => {
  const window = await open(browser, host, { acceptDownloads: true });
  const { page } = window;
  await signIn(page, ADMIN, "/settings");
  for (const group of ["model", "day", "actor", "campaign"]) {
    await page.locator("select[name=group]").selectOption(group);
    const [sum] = (await host.call(token, "GET", `/api/usage?group=${group}`)).items;
    const row = page.locator(`tr[data-usage="${sum.name}"]`);
    await row.locator(`data[value="${sum.cost_usd}"]`).waitFor();
    await row.getByText("412", { exact: true }).waitFor();
    await page.locator(`tr[data-total="${cost}"]`).waitFor();
  }
  await page.getByText("Without a campaign").waitFor();
  const file = page.waitForEvent("download");
  await page.getByRole("button", { name: "All calls as CSV" }).click();
  const lines = (await readFile(await (await file).path(), "utf8")).trim().split("\r\n");
  assert.equal(lines.length, 2);
  assert.ok(lines[1].includes(`,${cost},`), lines[1]);
  await page.getByText("The file was saved.").waitFor();
  // A span that ends before it begins asks for nothing.
  await page.locator("input[name=from]").fill("2020-01-02");
  await page.locator(`tr[data-total="${cost}"]`).waitFor();
  await page.locator("input[name=to]").fill("2020-01-01");
  await page.getByText("The first day is behind the last one.").waitFor();
  assert.equal(await page.locator("tr[data-usage]").count(), 0);
  await page.locator("input[name=to]").fill("2020-01-03");
  await page.getByText("Nothing was spent in this time").waitFor();
  await window.close();
});

test("who may only look sees it on a phone, and is offered nothing that would be refused", async () => {
  await host.call(token, "PUT", "/api/budgets", { period: "day", limit_usd: "25" });
  const window = await open(browser, host, { viewport: PHONE, hasTouch: true, isMobile: true });
  const { page } = window;
  await signIn(page, VIEWER, "/settings");
  await budget(page, "day", "25.00").waitFor();
  await page.locator("[data-user='Вера Цой']").getByText("(you)").waitFor();
  await page.locator(`tr[data-total="${cost}"]`).waitFor();
  await fits(page, "settings");
  for (const name of ["Add a person", "Set a budget", "Change…", "Remove…", "All calls as CSV"])
    assert.equal(await page.getByRole("button", { name }).count(), 0, name);
  await window.close();
});

test("all logins end at once, by the keyboard alone", async () => {
  const other = await host.signIn(VIEWER);
  const window = await open(browser, host, {}, ["401 /api/auth/logout", "401 /api/auth/refresh"]);
  const { page } = window;
  await signIn(page, VIEWER, "/settings");
  const button = page.getByRole("button", { name: "Sign out everywhere…" });
  await button.focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("alertdialog");
  await dialog.waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await host.call(other, "GET", "/api/auth/me");
  await page.keyboard.press("Enter");
  await dialog.waitFor();
  await page.waitForFunction(() => document.activeElement?.closest("[role=alertdialog]") !== null);
  await dialog.getByRole("button", { name: "Sign out everywhere" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await assert.rejects(host.call(other, "GET", "/api/auth/me"), /401/u);
  await window.close();
});
