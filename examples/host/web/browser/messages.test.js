// What leaves and what does not: too late to take back, the story of a message, and a person's word on one in doubt.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { fits, open as openWindow, PHONE, signIn, startBrowser } from "./support/browser.js";
import { startHost, until } from "./support/host.js";
import { becomes, draft, listed, message, open, ready } from "./support/inbox.js";
import { startMail } from "./support/mail.js";

const ADMIN = "admin@salon.example";
/** Nothing of it leaves while a test is at it, however slow the machine is. */
const LATER = "2090-01-01T09:00:00Z";
let host, mail, browser, token;

before(async () => {
  mail = await startMail();
  host = await startHost({ flags: ["--channel", `email=${mail.line}`] });
  browser = await startBrowser();
  token = await host.admin(ADMIN);
});
after(async () => {
  await browser?.close();
  await host?.stop();
  await mail?.stop();
});

async function doubtful(name, email) {
  const made = await draft(host, token, { name, email });
  const { version, digest } = await message(host, token, made.id);
  await host.call(token, "POST", `/api/messages/${made.id}/approve`, { version, digest });
  await becomes(host, token, made.id, "uncertain");
  return made.id;
}

test("after the window an approval cannot be taken back, and the page says so", async () => {
  const one = await draft(host, token, { name: "Скорая", email: "soon@example.com", channel: "sms" });
  const window = await openWindow(browser, host, {}, [
    `409 /api/messages/${one.id}`,
    `400 /api/messages/${one.id}`,
  ]);
  const { page } = window;
  await signIn(page, ADMIN, `/inbox/${one.id}`);
  await ready(page, one.id);
  await page.keyboard.press("a");
  await page
    .locator("[data-undo=approve]")
    .getByText(/leaves in \d+ s/u)
    .waitFor();
  assert.equal((await message(host, token, one.id)).status, "approved");
  await becomes(host, token, one.id, "sent");
  await page.locator("[data-undo=approve]").getByText("on its way").waitFor();
  await page.keyboard.press("u");
  await page.locator("[data-trouble=undo]").getByText("Too late to take back").waitFor();
  assert.equal((await message(host, token, one.id)).status, "sent");

  await page.goto(`/messages/${one.id}`);
  await page.locator("[data-action=approved]").getByText("Анна Каримова").waitFor();
  await page.locator("[data-action=sent]").getByText("the worker").waitFor();
  await page.locator("[data-outcome=accepted]").waitFor();
  await page
    .locator("[data-action=created]")
    .getByText(/Sealed: [0-9a-f]{16}/u)
    .waitFor();
  await window.close();
});

test("a decision that was taken back is told as one", async () => {
  const one = await draft(host, token, { name: "Дважды", email: "twice@example.com", scheduled_for: LATER });
  const window = await openWindow(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, `/inbox/${one.id}`);
  await ready(page, one.id);
  await page.keyboard.press("a");
  await becomes(host, token, one.id, "approved");
  await page.locator("[data-undo=approve]").waitFor();
  await page.keyboard.press("u");
  await becomes(host, token, one.id, "pending_approval");
  await page.goto(`/messages/${one.id}`);
  await page.locator("[data-action=reopened]").getByText("Decision taken back").waitFor();
  await page.getByRole("link", { name: "Decide in the inbox" }).click();
  await ready(page, one.id);
  await window.close();
});

test("one in doubt is found by its status and settled, each way with its warning", async () => {
  const [sent, again] = [
    await doubtful("Неясная", "unclear@example.com"),
    await doubtful("Повторная", "again@example.com"),
  ];
  const window = await openWindow(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/messages");
  await page.getByRole("link", { name: "Uncertain", exact: true }).click();
  await page.waitForURL(/status=uncertain/u);
  await page.getByRole("link", { name: /Неясная/u }).click();
  await page.getByRole("heading", { name: "Nobody knows whether this left" }).waitFor();
  await page.locator("[data-outcome=unknown]").waitFor();
  await page.locator("[data-resolve=resend]").click();
  const question = page.getByRole("alertdialog");
  await question.getByText("Неясная gets the same message twice").waitFor();
  await question.getByRole("button", { name: "Go back" }).click();
  await question.waitFor({ state: "detached" });
  assert.equal((await message(host, token, sent)).status, "uncertain");
  await page.locator("input[name=reason]").fill("Видно в журнале почты");
  await page.locator("[data-resolve=sent]").click();
  await question.getByText("It will never be sent again").waitFor();
  await question.getByRole("button", { name: "It was sent" }).click();
  await page.getByText("Settled.").waitFor();
  await becomes(host, token, sent, "sent");
  await page.locator("[data-action=resolved_sent]").getByText("Видно в журнале почты").waitFor();
  assert.equal(await page.locator("[data-resolve]").count(), 0);

  const before = mail.received();
  await page.goto(`/messages/${again}`);
  await page.locator("[data-resolve=resend]").click();
  await question.getByRole("button", { name: "Send it again" }).click();
  await page.getByText("Settled.").waitFor();
  await page.locator("[data-action=resolved_resend]").waitFor();
  await becomes(host, token, again, "uncertain");
  assert.ok(mail.received() > before);
  await window.close();
});

test("a viewer settles nothing", async () => {
  const id = await doubtful("Чужая", "other@example.com");
  const viewer = { email: "v@salon.example", full_name: "V", password: "browser-password", role: "viewer" };
  await host.call(token, "POST", "/api/auth/register", viewer);
  const window = await openWindow(browser, host);
  await signIn(window.page, viewer.email, `/messages/${id}`);
  await window.page.getByRole("heading", { level: 1, name: "Чужая" }).waitFor();
  await window.page.locator("[data-action=uncertain]").waitFor();
  assert.equal(await window.page.locator("[data-resolve]").count(), 0);
  await window.close();
});

test("on a phone: from the list to a draft, a decision, the next one, and back", async () => {
  const name = "Телефонная";
  const one = await draft(host, token, {
    name,
    email: "phone@example.com",
    channel: "sms",
    scheduled_for: LATER,
  });
  await draft(host, token, { name, email: "phone2@example.com", channel: "sms" });
  const options = { viewport: { ...PHONE, width: 390 }, hasTouch: true, isMobile: true, language: "ru" };
  const window = await openWindow(browser, host, options);
  const { page } = window;
  await signIn(page, ADMIN, "/inbox?channel=sms");
  await page.locator(`.draft[data-id="${one.id}"] .draft-link`).tap();
  await ready(page, one.id);
  assert.equal(await page.locator(".inbox-list").isVisible(), false);
  await fits(page, "the draft");
  await page.locator("[data-deed=approve]").tap();
  await becomes(host, token, one.id, "approved");
  await page.locator("[data-undo=approve]").waitFor();
  await page.waitForFunction((id) => !document.querySelector(`[data-detail="${id}"]`), one.id);
  await ready(page);
  assert.ok((await listed(page)).includes(await open(page)));
  await page.waitForFunction(() => document.activeElement?.id === "detail-name");
  await fits(page, "the next one");
  await page.locator("[data-undo=approve] button").tap();
  await becomes(host, token, one.id, "pending_approval");
  await ready(page, one.id);
  await page.locator(".inbox-back").tap();
  await page.locator(".inbox-list").waitFor();
  await fits(page, "the list");
  await window.close();
});

test("a campaign leads to its own drafts", async () => {
  await draft(host, token, { name: "Посторонняя", email: "stranger@example.com" });
  await host.people(token, "spring", 2);
  const { id } = await host.campaign(token, "Spring", "spring");
  await host.call(token, "POST", `/api/campaigns/${id}/execute`, {});
  await until(
    "two drafts",
    () => host.call(token, "GET", `/api/messages?status=pending_approval&campaign_id=${id}`),
    (found) => found.total === 2,
  );
  const window = await openWindow(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, `/campaigns/${id}`);
  await page.getByRole("link", { name: "Drafts wait for approval before anything is sent." }).click();
  await ready(page);
  assert.equal(new URL(page.url()).searchParams.get("campaign")?.replaceAll('"', ""), id);
  assert.equal((await listed(page)).length, 2);
  await window.close();
});
