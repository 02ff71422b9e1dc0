// Messages in doubt: seen from every screen, decided about together after a second look, and by no viewer.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { fits, open, PHONE, signIn, startBrowser } from "./support/browser.js";
import { startHost } from "./support/host.js";
import { becomes, draft, message } from "./support/inbox.js";
import { startMail } from "./support/mail.js";

const ADMIN = "admin@salon.example";
const VIEWER = "viewer@salon.example";
let host, mail, browser, token, number;

before(async () => {
  number = 0;
  mail = await startMail();
  host = await startHost({ flags: ["--channel", `email=${mail.line}`] });
  browser = await startBrowser();
  token = await host.admin(ADMIN);
  const viewer = { email: VIEWER, full_name: "V", password: "browser-password", role: "viewer" };
  await host.call(token, "POST", "/api/auth/register", viewer);
});
after(async () => {
  await browser?.close();
  await host?.stop();
  await mail?.stop();
});

async function doubtful(name) {
  number += 1;
  const made = await draft(host, token, { name, email: `doubt${number}@example.com` });
  const { version, digest } = await message(host, token, made.id);
  await host.call(token, "POST", `/api/messages/${made.id}/approve`, { version, digest });
  await becomes(host, token, made.id, "uncertain");
  return made.id;
}
const status = async (id) => (await message(host, token, id)).status;
const badge = (page, n) => page.locator(`[data-doubtful="${n}"]`);
const box = (page, id) => page.locator(`tr[data-message="${id}"] input[type=checkbox]`);

test("they are seen from every screen, chosen and taken as sent, after thinking again", async () => {
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/campaigns");
  await page.locator(".live-on").waitFor();
  assert.equal(await page.locator("[data-doubtful]").count(), 0);
  const ids = [await doubtful("Первая"), await doubtful("Вторая"), await doubtful("Третья")];
  // Told by the stream: nobody reloads.
  await badge(page, 3).click();
  await page.waitForURL(/\/messages\?status=uncertain$/u);
  const sent = page.locator("[data-resolve-many=sent]");
  await sent.waitFor();
  assert.equal(await sent.isDisabled(), true);
  await box(page, ids[0]).check();
  await box(page, ids[2]).check();
  await page.getByText("2 selected").waitFor();
  await sent.click();
  const question = page.getByRole("alertdialog");
  await question.getByText("Take 2 messages as sent?").waitFor();
  const names = await question.locator(".doubts-names").textContent();
  assert.deepEqual(names.split(", ").sort(), ["Первая", "Третья"]);
  await question.getByRole("button", { name: "Go back" }).click();
  await question.waitFor({ state: "detached" });
  assert.deepEqual(await Promise.all(ids.map(status)), ["uncertain", "uncertain", "uncertain"]);
  await sent.click();
  await question.locator("input[name=reason]").fill("Видно в журнале почты");
  await question.getByRole("button", { name: "It was sent" }).click();
  await page.getByText("2 of 2 were decided.").waitFor();
  await badge(page, 1).waitFor();
  assert.deepEqual(await Promise.all(ids.map(status)), ["sent", "uncertain", "sent"]);
  const history = await host.call(token, "GET", `/api/messages/${ids[0]}/history`);
  assert.deepEqual(
    history.filter((one) => one.action === "resolved_sent").map((one) => one.reason),
    ["Видно в журнале почты"],
  );
  await window.close();
});

test("what somebody else decided meanwhile is left alone and told", async () => {
  const ids = [await doubtful("Быстрая"), await doubtful("Медленная")];
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/messages?status=uncertain");
  for (const id of ids) await box(page, id).check();
  await page.locator("[data-resolve-many=failed]").click();
  const question = page.getByRole("alertdialog");
  await question.getByText("Give up on 2 messages?").waitFor();
  await host.call(token, "POST", `/api/messages/${ids[0]}/resolve`, { outcome: "sent" });
  await question.getByRole("button", { name: "Give it up" }).click();
  await page.getByText("1 of 2 were decided.").waitFor();
  await page.locator("[data-outcome=skipped]", { hasText: "Быстрая" }).waitFor();
  assert.deepEqual(await Promise.all(ids.map(status)), ["sent", "failed"]);
  await window.close();
});

test("those sent again leave again, all of a page at once, by the keyboard alone on a phone", async () => {
  const ids = [await doubtful("Снова раз"), await doubtful("Снова два")];
  const before = mail.received();
  const window = await open(browser, host, { viewport: PHONE, hasTouch: true, isMobile: true });
  const { page } = window;
  await signIn(page, ADMIN, "/messages?status=uncertain");
  await box(page, ids[0]).waitFor();
  await fits(page, "messages in doubt");
  const listed = await page.locator("tr[data-message]").count();
  await page.getByLabel("Select all on this page").focus();
  await page.keyboard.press("Space");
  await page.getByText(`${listed} selected`).waitFor();
  await page.locator("[data-resolve-many=resend]").focus();
  await page.keyboard.press("Enter");
  const question = page.getByRole("alertdialog");
  await question.getByText(`Send ${listed} messages again?`).waitFor();
  await fits(page, "the question");
  await question.locator(".button-danger:enabled").focus();
  await page.keyboard.press("Enter");
  await page.getByText(`${listed} of ${listed} were decided.`).waitFor();
  for (const id of ids) await becomes(host, token, id, "uncertain");
  assert.ok(mail.received() >= before + 2);
  await window.close();
});

test("a viewer sees that they are in doubt, and is offered no decision", async () => {
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, VIEWER, "/messages?status=uncertain");
  await page.locator("tr[data-message]").first().waitFor();
  await page.locator("[data-doubtful]").waitFor();
  assert.equal(await page.locator("[data-resolve-many], tr[data-message] input").count(), 0);
  await window.close();
});
