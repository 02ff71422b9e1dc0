// Suppressed addresses: found however they are written, closed by hand, opened again by an admin alone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { fits, open, PHONE, signIn, startBrowser } from "./support/browser.js";
import { startHost } from "./support/host.js";

const ADMIN = "admin@salon.example";
const MANAGER = "manager@salon.example";
const VIEWER = "viewer@salon.example";
let host, browser, token;

before(async () => {
  host = await startHost();
  browser = await startBrowser();
  token = await host.admin(ADMIN);
  for (const [email, role] of [
    [MANAGER, "manager"],
    [VIEWER, "viewer"],
  ]) {
    const user = { email, full_name: role, password: "browser-password", role };
    await host.call(token, "POST", "/api/auth/register", user);
  }
});
after(async () => {
  await browser?.close();
  await host?.stop();
});

const close = (address, channel = "email", reason = "asked by telephone") =>
  host.call(token, "POST", "/api/suppressions", { channel, address, reason });
const list = async (query = "") =>
  (await host.call(token, "GET", `/api/suppressions${query}`)).items.map((one) => one.address);
const row = (page, address) => page.locator(`tr[data-address="${address}"]`);
async function shows(page, wanted) {
  await page.waitForFunction((wanted) => {
    const all = [...document.querySelectorAll("tr[data-address]")].map((one) => one.dataset.address);
    return !document.querySelector(".office-stale") && JSON.stringify(all) === JSON.stringify(wanted);
  }, wanted);
}

test("an address is closed by hand: what is wrong with it is said beside it, and what was typed stays", async () => {
  const window = await open(browser, host, {}, ["422 /api/suppressions"]);
  const { page } = window;
  await signIn(page, MANAGER, "/inbox");
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Suppressed addresses" }).click();
  await page.getByText("No address is suppressed").waitFor();
  await page.getByRole("button", { name: "Suppress an address" }).click();
  const dialog = page.getByRole("dialog");
  const address = dialog.locator("input[name=address]");
  await address.fill("anna");
  await dialog.locator("input[name=reason]").fill("asked by telephone");
  await dialog.getByRole("button", { name: "Suppress" }).click();
  await dialog.locator("input[name=address][aria-invalid=true]").waitFor();
  await dialog.getByText("this is no address of that channel").waitFor();
  assert.equal(await dialog.locator("input[name=reason]").inputValue(), "asked by telephone");
  assert.deepEqual(await list(), []);
  await address.fill("Anna@X.example");
  await dialog.getByRole("button", { name: "Suppress" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByText("Nothing is sent to this address any more.").waitFor();
  await shows(page, ["anna@x.example"]);
  await row(page, "anna@x.example").getByText("asked by telephone").waitFor();
  await row(page, "anna@x.example").getByText("manager").waitFor();
  assert.deepEqual(await list(), ["anna@x.example"]);
  // Who may close may not open.
  assert.equal(await page.locator("[data-lift]").count(), 0);
  await window.close();
});

test("an admin opens an address again, after being asked, and thinks again first", async () => {
  await close("boris@x.example", "email", "complaint");
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/suppressions");
  await shows(page, ["anna@x.example", "boris@x.example"]);
  await row(page, "boris@x.example").getByText("the person complained").waitFor();
  const button = row(page, "boris@x.example").getByRole("button");
  await button.click();
  const dialog = page.getByRole("alertdialog");
  await dialog.getByText("Open boris@x.example again?").waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await page.waitForFunction(() => document.activeElement?.hasAttribute("data-lift"));
  assert.deepEqual(await list(), ["anna@x.example", "boris@x.example"]);
  await button.click();
  await dialog.getByRole("button", { name: "Open it" }).click();
  await page.getByText("The address is open again.").waitFor();
  await shows(page, ["anna@x.example"]);
  assert.deepEqual(await list(), ["anna@x.example"]);
  // The row is gone; the focus is not lost with it.
  await page.waitForFunction(() => document.activeElement?.getAttribute("role") === "status");
  await window.close();
});

test("the whole address is found in any writing, and the address of the page keeps it", async () => {
  await close("90 123 45 67", "sms");
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, VIEWER, "/suppressions");
  await shows(page, ["anna@x.example", "+998901234567"]);
  const search = page.locator("input[name=address]");
  await search.pressSequentially("ANNA@x.example");
  await shows(page, ["anna@x.example"]);
  await search.fill("+998 (90) 123-45-67");
  await shows(page, ["+998901234567"]);
  await page.reload();
  await shows(page, ["+998901234567"]);
  assert.equal(await search.inputValue(), "+998 (90) 123-45-67");
  await search.fill("nobody@x.example");
  await page.getByText("This address is open").waitFor();
  await page.getByRole("link", { name: "Show all" }).click();
  await shows(page, ["anna@x.example", "+998901234567"]);
  await page.locator("select[name=channel]").selectOption("sms");
  await shows(page, ["+998901234567"]);
  await page.locator("select[name=channel]").selectOption("whatsapp");
  await page.getByText("Nothing here for this channel").waitFor();
  // Who may only look is not offered what would be refused.
  assert.equal(await page.getByRole("button", { name: "Suppress an address" }).count(), 0);
  assert.equal(await page.locator("[data-lift]").count(), 0);
  await window.close();
});

test("an erased person's address is shown by nobody, and opened by whoever knows it", async () => {
  const person = { name: "Вера", email: "vera@x.example", language: "ru" };
  const { id } = await host.call(token, "POST", "/api/contacts", person);
  await host.call(token, "DELETE", `/api/contacts/${id}`);
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/suppressions");
  await page.locator("select[name=channel]").selectOption("*");
  await shows(page, [""]);
  await page.getByText("Nobody keeps it").waitFor();
  assert.equal(await page.locator("[data-lift]").count(), 0);
  await page.locator("select[name=channel]").selectOption("");
  await page.locator("input[name=address]").fill("vera@x.example");
  await shows(page, ["vera@x.example"]);
  await page.locator("[data-lift]").click();
  await page.getByText("It will be open on every channel.", { exact: false }).waitFor();
  await page.getByRole("button", { name: "Open it" }).click();
  await page.getByText("This address is open").waitFor();
  assert.deepEqual(await list("?address=vera@x.example"), []);
  await window.close();
});

test("somebody else was faster: it is said, and the list shows what is true", async () => {
  await close("late@x.example");
  const window = await open(browser, host, {}, ["404 /api/suppressions/lift"]);
  const { page } = window;
  await signIn(page, ADMIN, "/suppressions?address=late@x.example");
  await row(page, "late@x.example").getByRole("button").click();
  const dialog = page.getByRole("alertdialog");
  await dialog.waitFor();
  const body = { channel: "email", address: "late@x.example" };
  await host.call(token, "POST", "/api/suppressions/lift", body);
  await dialog.getByRole("button", { name: "Open it" }).click();
  await dialog.getByText("This is not there").waitFor();
  assert.equal(await page.getByText("The address is open again.").count(), 0);
  await dialog.getByRole("button", { name: "Go back" }).click();
  await page.getByText("This address is open").waitFor();
  await window.close();
});

test("pages go on, on a phone and by the keyboard alone", async () => {
  for (let n = 10; n < 40; n += 1) await close(`many${n}@x.example`);
  const window = await open(browser, host, { viewport: PHONE, hasTouch: true, isMobile: true });
  const { page } = window;
  await signIn(page, VIEWER, "/suppressions");
  const first = await list("?limit=25");
  await shows(page, first);
  await fits(page, "suppressions");
  await page.getByRole("button", { name: "Next" }).focus();
  await page.keyboard.press("Enter");
  const second = await list("?skip=25");
  await shows(page, second);
  assert.equal(await page.getByRole("button", { name: "Next" }).isDisabled(), true);
  await page.getByRole("button", { name: "Previous" }).focus();
  await page.keyboard.press("Enter");
  await shows(page, first);
  await window.close();
});
