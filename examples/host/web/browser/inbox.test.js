// The inbox by the keyboard: what is decided is what was seen, each decision can be taken back, and who is slower is
// told by whom they were beaten.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open as openWindow, signIn, startBrowser } from "./support/browser.js";
import { startHost, until } from "./support/host.js";
import { becomes, choose, draft, listed, message, open, ready } from "./support/inbox.js";

const MANAGER = "manager@example.com";
let host, browser, token, admin;

before(async () => {
  host = await startHost({ flags: ["--demo", "--demo-drafts", "30", "--no-worker"] });
  browser = await startBrowser();
  token = await host.signIn(MANAGER);
  admin = await host.signIn("admin@example.com");
});
after(async () => {
  await browser?.close();
  await host?.stop();
});

async function enter(email = MANAGER, path = "/inbox", expected = [], options = {}) {
  const window = await openWindow(browser, host, options, expected);
  await signIn(window.page, email, path);
  await ready(window.page).catch((error) => {
    if (email === MANAGER) throw error;
  });
  return window;
}

const undoLine = (page, deed) => page.locator(`[data-undo=${deed}]`);
/** Where the focus is: on the line of the draft that is open. */
const onLine = (page, id) =>
  page.waitForFunction((line) => document.activeElement?.id === line, `draft-${id}`);

/** The next draft that may be approved. */
async function calm(page) {
  for (let steps = 0; steps < 40; steps += 1) {
    await ready(page);
    if (await page.locator("[data-deed=approve]:enabled").count()) return open(page);
    const here = await open(page);
    await page.keyboard.press("j");
    await page.waitForFunction((id) => !document.querySelector(`[data-detail="${id}"]`), here);
  }
  return assert.fail("no draft may be approved");
}

test("signing in leads to what waits; approve, undo, reject, edit and put off without a mouse", async () => {
  const window = await enter(MANAGER, "/");
  const { page } = window;
  assert.equal(new URL(page.url()).pathname, "/inbox");
  const before = await listed(page);

  const first = await calm(page);
  const seen = await message(host, token, first);
  await page.keyboard.press("a");
  await undoLine(page, "approve").waitFor();
  const approved = await message(host, token, first);
  assert.equal(approved.status, "approved");
  assert.equal(approved.digest, seen.digest);
  // It can be taken back for ten seconds at least.
  assert.ok(Date.parse(approved.not_before) - Date.parse(approved.approved_at) >= 10_000);
  assert.ok(!(await listed(page)).includes(first));
  const second = await open(page);
  assert.equal(second, before[before.indexOf(first) + 1]);
  await onLine(page, second);

  await page.keyboard.press("u");
  await becomes(host, token, first, "pending_approval");
  await ready(page, first);
  await onLine(page, first);
  const back = await message(host, token, first);
  assert.deepEqual([back.content, back.findings], [seen.content, seen.findings]);
  assert.ok((await listed(page)).includes(first));

  await page.keyboard.press("r");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.type("Не вовремя");
  await page.keyboard.press("Enter");
  await undoLine(page, "reject").waitFor();
  const rejected = await message(host, token, first);
  assert.deepEqual([rejected.status, rejected.failure], ["rejected", "Не вовремя"]);
  await onLine(page, await open(page));
  await page.keyboard.press("u");
  await becomes(host, token, first, "pending_approval");
  await ready(page, first);

  await page.keyboard.press("e");
  await page.locator("textarea[name=content]:focus").waitFor();
  await page.keyboard.press("Control+End");
  await page.keyboard.type(" jk a r u x");
  await page.keyboard.press("Control+Enter");
  await undoLine(page, "approve").waitFor();
  const edited = await message(host, token, first);
  assert.deepEqual([edited.status, edited.content], ["approved", `${seen.content} jk a r u x`]);
  // Two decisions, taken back one after the other.
  await page.keyboard.press("u");
  await becomes(host, token, first, "pending_approval");
  await undoLine(page, "edit").waitFor();
  await page.keyboard.press("u");
  await until(
    "the text before",
    () => message(host, token, first),
    (now) => now.content === seen.content,
  );
  await ready(page, first);

  await page.keyboard.press("s");
  await page.locator(".drafts > li:last-child", { hasText: "Put off" }).waitFor();
  assert.equal((await listed(page)).at(-1), first);
  assert.equal((await message(host, token, first)).status, "pending_approval");
  await window.close();
});

test("down, up, search, help; letters are found by their place on any keyboard", async () => {
  const window = await enter();
  const { page } = window;
  const ids = await listed(page);
  const press = (key, code) =>
    page.evaluate(
      ([key, code]) =>
        document.activeElement.dispatchEvent(
          new window.KeyboardEvent("keydown", { key, code, bubbles: true }),
        ),
      [key, code],
    );
  await page.keyboard.press("j");
  await ready(page, ids[1]);
  // The same key on a Russian keyboard.
  await press("о", "KeyJ");
  await ready(page, ids[2]);
  await press("л", "KeyK");
  await ready(page, ids[1]);
  await page.keyboard.press("k");
  await ready(page, ids[0]);
  await onLine(page, ids[0]);
  assert.equal(new URL(page.url()).pathname, `/inbox/${ids[0]}`);

  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keys" });
  await help.waitFor();
  // What lies above has the keys.
  await page.keyboard.press("j");
  await page.keyboard.press("Escape");
  await help.waitFor({ state: "detached" });
  await onLine(page, ids[0]);
  assert.equal(await open(page), ids[0]);

  await page.keyboard.press("/");
  await page.locator("input[name=q]:focus").waitFor();
  await page.keyboard.type("уход");
  await page.waitForURL(/q=/u);
  await page.waitForFunction((many) => document.querySelectorAll(".drafts > li").length < many, ids.length);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement?.id.startsWith("draft-"));
  for (const id of await listed(page)) {
    const { content, subject } = await message(host, token, id);
    assert.match(`${subject} ${content}`, /уход/iu);
  }
  // The address keeps it.
  await page.reload();
  await ready(page);
  assert.equal(await page.locator("input[name=q]").inputValue(), "уход");
  await page.locator("select[name=risk]").selectOption("blocking");
  await page.waitForURL(/risk=blocking/u);
  await window.close();
});

test("a key that comes too soon after the last decision approves nothing unseen", async () => {
  const window = await enter();
  const { page } = window;
  const first = await calm(page);
  // Pressed in the moment in which the next draft appears.
  await page.evaluate(() => {
    const hasty = new window.MutationObserver(() => {
      const key = { key: "a", code: "KeyA", bubbles: true };
      document.body.dispatchEvent(new window.KeyboardEvent("keydown", key));
    });
    const told = { subtree: true, attributeFilter: ["data-detail"], attributes: true };
    hasty.observe(document.querySelector(".inbox-detail"), told);
  });
  await page.keyboard.press("a");
  await becomes(host, token, first, "approved");
  await page.waitForFunction((id) => !document.querySelector(`[data-detail="${id}"]`), first);
  await ready(page);
  const next = await open(page);
  assert.equal((await message(host, token, next)).status, "pending_approval");
  await page.keyboard.press("u");
  await becomes(host, token, first, "pending_approval");
  await window.close();
});

test("a blocking finding holds a manager back, and an admin says why", async () => {
  const content = "Анна, ваш мастер: [имя мастера]. Ждём вас!";
  const held = await draft(host, token, { email: "held@example.com", content });
  const path = `/inbox/${held.id}`;
  const window = await enter(MANAGER, path);
  const { page } = window;
  await ready(page, held.id);
  assert.equal(await page.locator(".letter .mark-blocking").innerText(), "[имя мастера]");
  assert.equal(await page.locator("[data-deed=approve]").isDisabled(), true);
  await page.keyboard.press("a");
  await page.locator("[data-said]", { hasText: "A finding keeps this text" }).waitFor({ state: "attached" });
  assert.equal((await message(host, token, held.id)).status, "pending_approval");
  await window.close();

  const theirs = await enter("admin@example.com", path);
  await ready(theirs.page, held.id);
  await theirs.page.keyboard.press("a");
  const dialog = theirs.page.getByRole("dialog");
  await dialog.waitFor();
  // Nothing without a reason.
  await theirs.page.keyboard.press("Enter");
  assert.equal((await message(host, token, held.id)).status, "pending_approval");
  await theirs.page.keyboard.type("Так и задумано");
  await theirs.page.keyboard.press("Enter");
  await undoLine(theirs.page, "approve").waitFor();
  const history = await host.call(admin, "GET", `/api/messages/${held.id}/history`);
  assert.deepEqual([history[0].action, history[0].reason], ["approved", "Так и задумано"]);
  await theirs.close();
});

test("what somebody else decides goes at once, and a lost race says who won it", async () => {
  const one = await draft(host, token, { email: "one@example.com", name: "Первая" });
  const two = await draft(host, token, { email: "two@example.com", name: "Вторая" });
  const window = await enter(MANAGER, `/inbox/${one.id}`, [`409 /api/messages/${two.id}/approve`]);
  const { page } = window;
  await ready(page, one.id);
  await page.locator(".live-on").waitFor();
  const seen = (id) => message(host, admin, id);
  const decide = async (id) => {
    const { version, digest } = await seen(id);
    await host.call(admin, "POST", `/api/messages/${id}/approve`, { version, digest });
  };
  await decide(one.id);
  await page.getByText("Approved by Demo admin").waitFor();
  await page.locator(`.draft[data-id="${one.id}"]`).waitFor({ state: "detached" });
  assert.equal(await page.locator("[data-deed]").count(), 0);

  await choose(page, two.id);
  // The news of it are held up.
  await page.route("**/api/messages?*", () => undefined);
  await page.route(`**/api/messages/${two.id}/approve`, async (route) => {
    await decide(two.id);
    await route.continue();
  });
  await page.keyboard.press("a");
  const note = page.locator("[data-trouble=decide]");
  await note.waitFor();
  assert.match(await note.innerText(), /Demo admin was faster: approved/u);
  assert.equal(await undoLine(page, "approve").count(), 0);
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await window.close();
});

test("many at once: counted first, then each by itself, and all of it can be taken back", async () => {
  const people = ["Б", "В", "Г", "Д"];
  const made = [];
  for (const [index, name] of people.entries()) {
    const content = index === 3 ? "Ваш мастер: [имя]. Ждём вас!" : `Пакетное письмо: ${name}, ждём вас!`;
    const fields = { email: `many${index}@example.com`, name, content, occasion_type: "holiday" };
    made.push(await draft(host, token, fields));
  }
  const window = await enter(MANAGER, "/inbox?occasion=holiday");
  const { page } = window;
  await page.waitForFunction(() => document.querySelectorAll(".drafts > li").length === 4);
  await page.keyboard.press("Shift+X");
  await page.getByText("4 selected").waitFor();
  await page.keyboard.press("a");
  const dialog = page.getByRole("dialog", { name: "Approve 4 drafts?" });
  await dialog.waitFor();
  await dialog.getByText("Blocked by findings, and left as they are: 1").waitFor();
  // Between the question and the answer one is changed.
  const changed = { content: "Совсем другое письмо, ждём вас!" };
  await host.call(admin, "PATCH", `/api/messages/${made[1].id}`, changed);
  await page.locator("[data-bulk=yes]:focus").waitFor();
  await page.keyboard.press("Enter");
  await dialog.getByText("Done: 2 of 4").waitFor();
  assert.equal(
    await dialog
      .locator("[data-outcome=skipped]")
      .innerText()
      .then((it) => it.includes("В")),
    true,
  );
  assert.equal(
    await dialog
      .locator("[data-outcome=failed]")
      .innerText()
      .then((it) => it.includes("Д")),
    true,
  );
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  const statuses = async () =>
    Promise.all(made.map(async ({ id }) => (await message(host, token, id)).status));
  const wait = "pending_approval";
  assert.deepEqual(await statuses(), ["approved", wait, "approved", wait]);
  await undoLine(page, "approve").getByText("2 drafts").waitFor();
  await page.keyboard.press("u");
  await until("all of them back", statuses, (now) => now.every((one) => one === wait));
  await page.waitForFunction(() => document.querySelectorAll(".drafts > li").length === 4);
  await window.close();
});

test("a host that is away loses nothing: neither the draft nor the text", async () => {
  const one = await draft(host, token, { email: "away@example.com", name: "Далёкая" });
  const window = await enter(MANAGER, `/inbox/${one.id}`);
  const { page } = window;
  await ready(page, one.id);
  await page.route("**/api/messages/**", (route) => route.abort());
  await page.keyboard.press("a");
  await page.locator("[data-trouble=decide]").getByText("The host does not answer").waitFor();
  assert.equal(await open(page), one.id);
  await page.keyboard.press("e");
  await page.locator("textarea[name=content]").fill("Этот текст нельзя потерять.");
  await page.keyboard.press("Control+Enter");
  await page.locator(".editor").getByText("The host does not answer").waitFor();
  // Neither is it lost by going elsewhere and coming back.
  await page.keyboard.press("Escape");
  await page.keyboard.press("e");
  const field = page.locator("textarea[name=content]");
  assert.equal(await field.inputValue(), "Этот текст нельзя потерять.");
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await field.focus();
  await page.keyboard.press("Control+Enter");
  const now = await becomes(host, token, one.id, "approved");
  assert.equal(now.content, "Этот текст нельзя потерять.");
  await window.close();
});

test("who writes over a text that somebody changed is told, keeps theirs, and goes on knowingly", async () => {
  const one = await draft(host, token, { email: "both@example.com", name: "Общая" });
  const window = await enter(MANAGER, `/inbox/${one.id}`);
  const { page } = window;
  await ready(page, one.id);
  await page.locator(".live-on").waitFor();
  await page.keyboard.press("e");
  await page.locator("textarea[name=content]").fill("Мой вариант этого письма.");
  await host.call(admin, "PATCH", `/api/messages/${one.id}`, { content: "Вариант администратора." });
  await page.locator(".editor .notice").waitFor();
  assert.equal(await page.locator("textarea[name=content]").inputValue(), "Мой вариант этого письма.");
  await page.locator("textarea[name=content]").focus();
  await page.keyboard.press("Control+Enter");
  assert.equal((await message(host, token, one.id)).content, "Вариант администратора.");
  await page.getByRole("button", { name: "Go on with my text" }).click();
  await page.locator("textarea[name=content]").focus();
  await page.keyboard.press("Control+Enter");
  const now = await becomes(host, token, one.id, "approved");
  assert.equal(now.content, "Мой вариант этого письма.");
  await window.close();
});

test("a text that changes while it is read has to be looked at again", async () => {
  const one = await draft(host, token, { email: "moved@example.com", name: "Сменная" });
  const window = await enter(MANAGER, `/inbox/${one.id}`);
  const { page } = window;
  await ready(page, one.id);
  await page.locator(".live-on").waitFor();
  await host.call(admin, "PATCH", `/api/messages/${one.id}`, { content: "Новые слова для вас." });
  await page.locator("[data-ready=false]").waitFor();
  await page.locator(".letter").getByText("Новые слова для вас.").waitFor();
  await page.locator(".changes del", { hasText: "Спасибо" }).waitFor();
  await ready(page, one.id);
  await page.keyboard.press("a");
  await becomes(host, token, one.id, "approved");
  await window.close();
});

test("a viewer reads, and no key of theirs decides", async () => {
  const one = await draft(host, token, { email: "read@example.com", name: "Читаемая" });
  const window = await openWindow(browser, host);
  const { page } = window;
  await signIn(page, "viewer@example.com", `/inbox/${one.id}`);
  await page.locator(`[data-detail="${one.id}"]`).waitFor();
  await page.getByText("You may look at drafts, but not decide about them.").waitFor();
  for (const key of ["a", "r", "e", "g", "s", "u", "x"]) await page.keyboard.press(key);
  assert.equal(await page.locator("[data-deed], [role=dialog], input[type=checkbox]").count(), 0);
  await page.keyboard.press("k");
  await page.waitForFunction((id) => !document.querySelector(`[data-detail="${id}"]`), one.id);
  assert.equal((await message(host, token, one.id)).status, "pending_approval");
  await window.close();
});

test("a text is written anew by a wish, and the one before can be had again", async () => {
  const one = await draft(host, token, {
    email: "anew@example.com",
    name: "Новая",
    occasion_type: "birthday",
  });
  const window = await enter(MANAGER, `/inbox/${one.id}`);
  const { page } = window;
  await ready(page, one.id);
  await page.keyboard.press("g");
  await page.getByRole("dialog").waitFor();
  await page.getByRole("button", { name: "Make it warmer" }).click();
  assert.equal(await page.getByRole("dialog").locator("textarea").inputValue(), "Make it warmer");
  await page.keyboard.press("Enter");
  await undoLine(page, "regenerate").waitFor();
  const anew = await message(host, token, one.id);
  assert.notEqual(anew.content, one.content);
  assert.equal(anew.status, "pending_approval");
  assert.equal(await open(page), one.id);
  await page.locator(".letter").getByText(anew.content).waitFor();
  await page.keyboard.press("u");
  await until(
    "the text before",
    () => message(host, token, one.id),
    (now) => now.content === one.content,
  );
  await page.locator(".letter").getByText(one.content).waitFor();
  await window.close();
});
