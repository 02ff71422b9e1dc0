// Signing in, staying signed in, and being signed out: what a page may keep, and what it does when a token runs out.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open, signIn, startBrowser } from "./support/browser.js";
import { startHost, until } from "./support/host.js";

const ADMIN = "admin@salon.example";
const REFUSED = "401 /api/auth/refresh";
let host, browser, token;

before(async () => {
  host = await startHost({ flags: ["--no-worker"] });
  browser = await startBrowser();
  token = await host.admin(ADMIN);
  await host.people(token, "spring", 1);
});
after(async () => {
  await browser?.close();
  await host?.stop();
});

const row = (page, name) => page.getByRole("link", { name, exact: true });

test("no script can reach a token, and a reload does not sign out", async () => {
  await host.campaign(token, "Kept", "spring");
  const window = await open(browser, host);
  const { page, context } = window;
  const tokens = [];
  page.on("response", async (answer) => {
    if (/\/api\/auth\/(login|refresh)$/u.test(answer.url())) tokens.push(await answer.json());
  });
  await signIn(page, ADMIN);
  await row(page, "Kept").waitFor();
  await page.reload();
  await row(page, "Kept").waitFor();
  const cookies = await context.cookies(`${host.url}/api/auth/refresh`);
  assert.deepEqual(
    cookies.map(({ name, httpOnly, sameSite, path }) => ({ name, httpOnly, sameSite, path })),
    [{ name: "crm_refresh", httpOnly: true, sameSite: "Strict", path: "/api/auth" }],
  );
  const reachable = await page.evaluate(() =>
    JSON.stringify([{ ...window.localStorage }, { ...window.sessionStorage }, document.cookie]),
  );
  assert.equal(tokens.length, 2);
  for (const answer of tokens) {
    assert.equal(answer.refresh_token, null);
    assert.ok(answer.access_token.length > 100);
    assert.ok(!reachable.includes(answer.access_token));
  }
  assert.ok(!reachable.includes(cookies[0].value));
  await window.close();
});

test("a token that ran out is renewed once for all calls, and each is repeated", async () => {
  const { id } = await host.campaign(token, "Renewed", "spring");
  const paths = ["", "/cost", "/plan"].map((part) => `/api/campaigns/${id}${part}`);
  // The last one is the navigation's: whether messages are in doubt.
  paths.push("/api/usage", "/api/budgets", "/api/analytics/messages-by-status");
  const expected = paths.map((path) => `401 ${path}`);
  const window = await open(browser, host, {}, expected);
  const { page } = window;
  await signIn(page, ADMIN, `/campaigns/${id}`);
  await page.getByText("Nothing is planned yet").waitFor();
  await page.getByText("No budget limits this campaign.").waitFor();
  await page.locator("[data-cost=before]").waitFor();
  await page.locator(".live-on").waitFor();
  let renewals = 0;
  let old = null;
  const refused = new Set();
  const repeated = new Set();
  await page.route("**/api/**", async (route) => {
    const request = route.request();
    const { pathname } = new URL(request.url());
    if (pathname === "/api/auth/refresh") {
      renewals += 1;
      // Until everybody was refused: all of them wait for this one.
      await until(
        "the refusals",
        () => [...refused],
        ({ length }) => length === paths.length,
      );
      return route.continue();
    }
    const bearer = await request.headerValue("authorization");
    old ??= bearer;
    if (bearer !== old) {
      repeated.add(pathname);
      return route.continue();
    }
    refused.add(pathname);
    return route.fulfill({ status: 401, json: { detail: "it has run out", code: "unauthorized" } });
  });
  // Somebody changes something: the stream tells, and everything that is shown is asked for at once.
  await host.people(token, "others", 1);
  await until(
    "the repetitions",
    () => [...repeated],
    ({ length }) => length === paths.length,
  );
  assert.deepEqual([...refused].sort(), paths.sort());
  assert.deepEqual([...repeated].sort(), paths.sort());
  assert.equal(renewals, 1);
  assert.equal(await page.getByRole("alert").count(), 0);
  await page.unrouteAll({ behavior: "wait" });
  await window.close();
});

test("two tabs renew one after the other, and neither ends the login", async () => {
  const expected = ["401 /api/campaigns", "401 /api/analytics/messages-by-status"];
  const first = await open(browser, host, {}, expected);
  await signIn(first.page, ADMIN);
  await row(first.page, "Kept").waitFor();
  const second = await first.context.newPage();
  await second.goto("/campaigns");
  await row(second, "Kept").waitFor();
  // Both are refused, and the first renewal is held until they are.
  let refused = 0;
  let letGo;
  const bothRefused = new Promise((go) => (letGo = go));
  const under = new Map();
  await first.context.route("**/api/campaigns?*", async (route) => {
    const tab = route.request().frame().page();
    const bearer = await route.request().headerValue("authorization");
    if (!under.has(tab)) under.set(tab, bearer);
    if (under.get(tab) !== bearer) return route.continue();
    refused += 1;
    if (under.size === 2) letGo();
    return route.fulfill({ status: 401, json: { detail: "it has run out", code: "unauthorized" } });
  });
  const renewed = [];
  await first.context.route("**/api/auth/refresh", async (route) => {
    await bothRefused;
    renewed.push(route.request().frame().page());
    return route.continue();
  });
  for (const page of [first.page, second]) {
    await page.getByRole("link", { name: "Draft", exact: true }).click();
  }
  for (const page of [first.page, second]) {
    await page.locator(".chip-active", { hasText: "Draft" }).waitFor();
    await row(page, "Kept").waitFor();
    await page.waitForFunction(() => document.querySelector(".loading") === null);
  }
  await bothRefused;
  await first.context.unrouteAll({ behavior: "wait" });
  assert.equal(new Set(renewed).size, 2);
  assert.ok(refused >= 2);
  for (const page of [first.page, second]) {
    await page.reload();
    await row(page, "Kept").waitFor();
  }
  await first.close();
});

test("a login that was ended elsewhere leads to the door, and back", async () => {
  const campaign = await host.campaign(token, "Ended", "spring");
  const path = `/campaigns/${campaign.id}`;
  const window = await open(browser, host, {}, [
    REFUSED,
    `401 ${path}`,
    ...["", "/cost", "/plan", "/execute"].map((part) => `401 /api${path}${part}`),
    "401 /api/usage",
    "401 /api/budgets",
    "401 /api/analytics/messages-by-status",
    "401 /api/events",
    "401 /api/campaigns",
  ]);
  const { page } = window;
  await signIn(page, ADMIN, path);
  await page.locator("[data-cost=before]").waitFor();
  await host.call(token, "POST", "/api/auth/logout?everywhere=true");
  // The stream ends with the login, and the page finds out when it opens it again.
  await page.getByText("Your session has ended.").waitFor();
  token = await host.signIn(ADMIN);
  await page.locator("input[name=email]").fill(ADMIN);
  await page.locator("input[name=password]").fill("browser-password");
  await page.locator("button[type=submit]").click();
  await page.getByRole("heading", { level: 1, name: "Ended" }).waitFor();
  assert.equal(new URL(page.url()).pathname, path);
  await window.close();
});

test("signing out leaves nothing behind", async () => {
  const window = await open(browser, host);
  const { page, context } = window;
  await signIn(page, ADMIN);
  await row(page, "Kept").click();
  await page.getByRole("heading", { level: 1, name: "Kept" }).waitFor();
  await page.getByRole("button", { name: /^Account/u }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.locator("input[name=email]").waitFor();
  assert.deepEqual(await context.cookies(`${host.url}/api/auth/refresh`), []);
  assert.equal(new URL(page.url()).search, "");
  await page.goBack();
  await page.locator("input[name=email]").waitFor();
  assert.equal(await page.locator("#main").count(), 0);
  await window.close();
});

test("a wrong password is told, and nothing else is", async () => {
  const window = await open(browser, host, {}, ["401 /api/auth/login"]);
  const { page } = window;
  await page.goto("/sign-in?to=https://elsewhere.example/");
  await page.locator("input[name=email]").fill("nobody@salon.example");
  await page.locator("input[name=password]").fill("not the password");
  await page.locator("button[type=submit]").click();
  await page.getByText("Wrong e-mail or password.").waitFor();
  // An address of another host in the link leads nowhere.
  await page.locator("input[name=email]").fill(ADMIN);
  await page.locator("input[name=password]").fill("browser-password");
  await page.locator("button[type=submit]").click();
  // Whoever is led nowhere else begins with what waits for a decision.
  await page.getByRole("heading", { level: 1, name: "Inbox" }).waitFor();
  assert.equal(new URL(page.url()).origin, host.url);
  await window.close();
});

test("a viewer looks, and is offered nothing else", async () => {
  const campaign = await host.campaign(token, "Seen", "spring");
  const viewer = {
    email: "viewer@salon.example",
    full_name: "V",
    password: "browser-password",
    role: "viewer",
  };
  await host.call(token, "POST", "/api/auth/register", viewer);
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, viewer.email, `/campaigns/${campaign.id}`);
  await page.getByText("You may look at campaigns, but not change them.").waitFor();
  assert.equal(await page.locator("[data-action]").count(), 0);
  await page.getByRole("link", { name: "All campaigns" }).click();
  await row(page, "Seen").waitFor();
  assert.equal(await page.getByRole("link", { name: "New campaign" }).count(), 0);
  await window.close();
});

test("who comes too late is told why, in the question itself", async () => {
  const campaign = await host.campaign(token, "Raced", "spring");
  const window = await open(browser, host, {}, [`400 /api/campaigns/${campaign.id}/execute`]);
  const { page } = window;
  await signIn(page, ADMIN, `/campaigns/${campaign.id}`);
  await page.locator("[data-action=execute]").click();
  const dialog = page.getByRole("alertdialog");
  await dialog.waitFor();
  await host.call(token, "POST", `/api/campaigns/${campaign.id}/cancel`);
  await dialog.getByRole("button", { name: "Run" }).click();
  await dialog.getByText("a campaign that is cancelled cannot be executed").waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await page.locator(".badge", { hasText: "Cancelled" }).waitFor();
  assert.equal(await page.locator("[data-action]").count(), 0);
  await window.close();
});

test("a new campaign is made, paused, resumed and called off", async () => {
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/campaigns/new");
  const name = 'Весна <img src=x onerror="alert(1)">';
  await page.locator("input[name=name]").fill(name);
  await page.locator("input[name=segment]").fill("spring");
  await page.locator("select[name=language]").selectOption("ru");
  await page.locator("textarea[name=context]").fill("Скидка весной");
  await page.getByRole("button", { name: "Save as a draft" }).click();
  // Text stays text.
  await page.getByRole("heading", { level: 1, name }).waitFor();
  assert.equal(await page.locator("main img").count(), 0);
  for (const [deed, said] of [
    ["execute", "The campaign runs."],
    ["pause", "The campaign is paused."],
    ["resume", "The campaign goes on."],
    ["cancel", "The campaign was called off."],
  ]) {
    await page.locator(`[data-action=${deed}]`).click();
    const dialog = page.getByRole("alertdialog");
    await dialog.locator(".dialog-actions button").last().click();
    await page.getByText(said).waitFor();
    await dialog.waitFor({ state: "detached" });
  }
  const { items } = await host.call(token, "GET", "/api/campaigns?status=cancelled");
  const made = items.find((one) => one.name === name);
  assert.deepEqual(made.segment_filter, { segment: "spring", language: "ru" });
  assert.equal(made.custom_context, "Скидка весной");
  await window.close();
});

test("a host that went away is told, and found again", async () => {
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN);
  await row(page, "Kept").waitFor();
  await page.route("**/api/campaigns/**", (route) => route.abort());
  await page.getByRole("link", { name: "Kept", exact: true }).click();
  await page.getByText("The host does not answer").waitFor();
  await page.unrouteAll({ behavior: "wait" });
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { level: 1, name: "Kept" }).waitFor();
  await page.context().close();
});
