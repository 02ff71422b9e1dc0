// Contacts: found, written, merged, erased and taken out as files; by whom it may be done; what happens when two do it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, beforeEach, test } from "node:test";
import { TextDecoder } from "node:util";

import { open, signIn, startBrowser } from "./support/browser.js";
import { startHost } from "./support/host.js";

const ADMIN = "admin@salon.example";
let host, browser, token, number;

before(async () => {
  host = await startHost();
  browser = await startBrowser();
  token = await host.admin(ADMIN);
  number = 0;
  await host.call(token, "PUT", "/api/contacts/fields/level", {
    type: "choice",
    label: "Уровень",
    options: ["gold", "silver"],
  });
  await host.call(token, "PUT", "/api/contacts/fields/visits", { type: "number" });
});
after(async () => {
  await browser?.close();
  await host?.stop();
});

/** Of a test of its own, so that none meets the people of another. */
let segment;
beforeEach(() => {
  number += 1;
  segment = `group${number}`;
});

const person = (fields) => host.call(token, "POST", "/api/contacts", { segment, language: "ru", ...fields });
const load = (id) => host.call(token, "GET", `/api/contacts/${id}`);
async function shows(page, wanted) {
  await page.waitForFunction((wanted) => {
    const found = [...document.querySelectorAll(".people-table tbody th .row-link")];
    const stale = document.querySelector(".people-stale");
    return !stale && JSON.stringify(found.map((one) => one.textContent)) === JSON.stringify(wanted);
  }, wanted);
}

test("people are found by what is typed, and the address keeps it", async () => {
  await person({ name: "Ольга Щербакова", email: "olga@chinor.example", company: "ООО Чинор" });
  await person({ name: "Виктор Цой", phone: "+998901112233", tags: ["gold"], language: "uz" });
  await person({ name: "Қодир Ғаниев", tags: ["gold", "клуб, зал"], language: "uz-Cyrl" });
  const window = await open(browser, host, {}, ["422 /api/audiences/sample"]);
  const { page } = window;
  await signIn(page, ADMIN, `/contacts?segment=${segment}`);
  await shows(page, ["Қодир Ғаниев", "Виктор Цой", "Ольга Щербакова"]);
  await page.getByText("3 contacts").waitFor();
  const search = page.locator("input[name=search]");
  await search.pressSequentially("щербак");
  await shows(page, ["Ольга Щербакова"]);
  assert.equal(new URL(page.url()).searchParams.get("search"), "щербак");
  await search.fill("112233");
  await shows(page, ["Виктор Цой"]);
  await search.fill("чинор");
  await shows(page, ["Ольга Щербакова"]);
  // What was typed is not typed over by its own way through the address.
  assert.equal(await search.inputValue(), "чинор");
  await search.fill("");
  await page.locator("select[name=language]").selectOption("uz");
  await shows(page, ["Қодир Ғаниев", "Виктор Цой"]);
  await page.locator("input[name=tag]").fill("клуб, зал");
  await shows(page, ["Қодир Ғаниев"]);
  const kept = page.url();
  await page.locator("input[name=tag]").fill("nobody has it");
  await page.getByText("Nobody is like that").waitFor();
  await page.goto(kept);
  await shows(page, ["Қодир Ғаниев"]);
  assert.equal(await page.locator("input[name=tag]").inputValue(), "клуб, зал");
  await page.getByRole("button", { name: "Clear all" }).click();
  await page.waitForURL(`${host.url}/contacts`);
  await page.locator(".people-table tbody th .row-link").nth(2).waitFor();
  await window.close();
});

test("an audience is counted while it is written, and its fault is shown at its place", async () => {
  await person({ name: "Анна", tags: ["gold"] });
  await person({ name: "Борис", email: "b@x.example", tags: ["gold"] });
  const saved = { name: 'Their "club"', audience: `segment = ${segment} and has email` };
  await host.call(token, "POST", "/api/audiences", saved);
  const window = await open(browser, host, {}, ["422 /api/audiences/sample"]);
  const { page } = window;
  await signIn(page, ADMIN, "/contacts");
  await page.getByRole("button", { name: "Audience", exact: true }).click();
  const field = page.locator("input[name=audience]");
  await field.fill(`segment = ${segment} and not has email`);
  await page.locator(".people-counted", { hasText: "1 person" }).waitFor();
  await shows(page, ["Анна"]);
  await field.fill(`segment = "Ў" nd tag = gold`);
  await page.getByText("Not understood at character 15:").waitFor();
  assert.equal(await page.locator(".people-misread mark").textContent(), "nd tag = gold");
  await page.getByRole("button", { name: "Go there" }).click();
  assert.equal(await field.evaluate((one) => one.value.slice(one.selectionStart)), "nd tag = gold");
  // The list stays at what was understood last.
  await shows(page, ["Анна"]);
  await page.locator("select[name=saved]").selectOption(saved.name);
  await page.locator(".people-counted", { hasText: "1 person" }).waitFor();
  await shows(page, ["Борис"]);
  await page.reload();
  await shows(page, ["Борис"]);
  await window.close();
});

test("pages are turned forth and back, and a reload keeps the page", async () => {
  const all = Array.from({ length: 30 }, (_, at) => `Клиент ${at + 1}`);
  for (const name of all) await person({ name });
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, `/contacts?segment=${segment}`);
  await shows(page, all.slice(5).reverse());
  await page.getByText("1–25 of 30").waitFor();
  await page.getByRole("button", { name: "Next" }).click();
  await shows(page, all.slice(0, 5).reverse());
  await page.reload();
  await page.getByText("26–30 of 30").waitFor();
  await page.getByRole("button", { name: "Previous" }).click();
  await shows(page, all.slice(5).reverse());
  await window.close();
});

test("a contact is written with all that is known, and what the host refuses is said beside the field", async () => {
  const window = await open(browser, host, {}, ["422 /api/contacts"]);
  const { page } = window;
  await signIn(page, ADMIN, "/contacts/new");
  await page.locator("input[name=name]").fill("Анна Каримова");
  await page.locator("input[name=email]").fill("no address");
  await page.locator("input[name=phone]").fill("90 123 45 67");
  await page.locator("input[name=segment]").fill(segment);
  await page.locator("input[name=birthday_day]").fill("7");
  await page.locator("input[name=birthday_month]").fill("3");
  await page.locator("select[name='custom:level']").selectOption("gold");
  await page.locator("input[name='custom:visits']").fill("12");
  await page.locator("#people-tag").fill("клуб, зал");
  await page.keyboard.press("Enter");
  await page.locator("#people-tag").fill("gold");
  await page.getByRole("button", { name: "Add a decision" }).click();
  const decision = page.locator(".people-consent-line select");
  await decision.nth(0).selectOption("sms");
  await decision.nth(2).selectOption("opted_out");
  await page.getByRole("button", { name: "Add the contact" }).click();
  await page.locator("input[name=email][aria-invalid=true]").waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute("name") === "email");
  await page.locator("input[name=email]").fill(`anna-${segment}@x.example`);
  await page.getByRole("button", { name: "Add the contact" }).click();
  await page.getByRole("heading", { level: 1, name: "Анна Каримова" }).waitFor();
  await page.getByText("The contact was added.").waitFor();
  const made = await load(page.url().match(/contacts\/([^?]+)/u)[1]);
  assert.deepEqual(
    [made.phone, made.birthday, made.tags, made.custom_fields, made.segment, made.time_zone],
    ["+998901234567", "--03-07", ["gold", "клуб, зал"], { level: "gold", visits: 12 }, segment, null],
  );
  assert.deepEqual(
    made.consent.map((one) => [one.channel, one.topic, one.status]),
    [["sms", "marketing", "opted_out"]],
  );
  // What is only guessed is shown so.
  const zone = page.locator(".rows > div", { hasText: "Time zone" });
  await zone.getByText("guessed from the phone number").waitFor();
  await window.shot("contact-made");
  await window.close();
});

test("two who edit one contact lose nothing of each other's", async () => {
  const { id, version } = await person({
    name: "Анна",
    company: "Чинор",
    custom_fields: { level: "gold", visits: 1 },
  });
  const window = await open(browser, host, {}, [`409 /api/contacts/${id}`]);
  const { page } = window;
  await signIn(page, ADMIN, `/contacts/${id}/edit`);
  await page.locator("input[name=position]").fill("Директор");
  await page.locator("select[name='custom:level']").selectOption("silver");
  const theirs = { company: "Bank", custom_fields: { level: "gold", visits: 2 }, version };
  await host.call(token, "PUT", `/api/contacts/${id}`, theirs);
  await page.getByRole("button", { name: "Save" }).click();
  const alert = page.getByRole("alert");
  await alert.getByText("Somebody changed this contact").waitFor();
  await alert.getByText("Чинор").waitFor();
  await alert.getByText("Bank").waitFor();
  assert.equal((await load(id)).position, null);
  assert.equal(await page.locator("input[name=position]").inputValue(), "Директор");
  await page.getByRole("button", { name: "Keep my changes beside theirs" }).click();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The changes were saved.").waitFor();
  const now = await load(id);
  assert.deepEqual([now.company, now.position], ["Bank", "Директор"]);
  assert.deepEqual(now.custom_fields, { level: "silver", visits: 2 });
  await window.close();
});

test("a lost connection loses nothing that was typed, and acts once", async () => {
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/contacts/new");
  const name = `Once ${segment}`;
  await page.locator("input[name=name]").fill(name);
  await page.locator("input[name=segment]").fill(segment);
  // The host does it, and its answer gets lost.
  await page.route("**/api/contacts", async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    await route.fetch();
    return route.abort();
  });
  await page.getByRole("button", { name: "Add the contact" }).click();
  await page.getByText("The host does not answer").waitFor();
  assert.equal(await page.locator("input[name=name]").inputValue(), name);
  await page.unrouteAll({ behavior: "wait" });
  await page.getByRole("button", { name: "Add the contact" }).click();
  await page.getByRole("heading", { level: 1, name }).waitFor();
  const found = await host.call(token, "GET", `/api/contacts?segment=${segment}`);
  assert.equal(found.total, 1);
  // The console tells of the request that was broken off.
  await page.context().close();
});

test("two contacts become one, as it was shown", async () => {
  const kept = await person({ name: "Анна Каримова", email: `a-${segment}@x.example`, tags: ["one"] });
  const gone = await person({
    name: `Двойник ${segment}`,
    email: `b-${segment}@x.example`,
    phone: "+998907776655",
    tags: ["two"],
  });
  const window = await open(browser, host, {}, [`409 /api/contacts/${kept.id}/merge`]);
  const { page } = window;
  await signIn(page, ADMIN, `/contacts/${kept.id}`);
  await page.getByRole("link", { name: "Merge…" }).click();
  await page.getByRole("searchbox").fill(`Двойник ${segment}`);
  await page.getByRole("button", { name: `Двойник ${segment}` }).click();
  const row = (field) => page.locator(`tr[data-field=${field}]`);
  await row("email").waitFor();
  assert.equal(await row("email").locator(".people-result").textContent(), kept.email);
  await row("email").getByRole("radio").nth(1).check();
  assert.equal(await row("email").locator(".people-result").textContent(), gone.email);
  assert.equal(await row("tags").locator(".people-result").textContent(), "one, two");
  await window.shot("merge");
  await page.locator("[data-action=merge]").click();
  const dialog = page.getByRole("alertdialog");
  await dialog.waitFor();
  // Changed after it was looked at: it is not agreed to.
  await host.call(token, "PUT", `/api/contacts/${gone.id}`, { company: "Bank" });
  await dialog.getByRole("button", { name: "Merge" }).click();
  await dialog.getByText("Somebody was faster").waitFor();
  await dialog.getByRole("button", { name: "Go back" }).click();
  await row("company").getByText("Bank").first().waitFor();
  await page.locator("[data-action=merge]").click();
  await dialog.getByRole("button", { name: "Merge" }).click();
  await page.getByText("The two contacts are one now.").waitFor();
  const now = await load(kept.id);
  assert.deepEqual(
    [now.name, now.email, now.phone, now.company, now.tags],
    ["Анна Каримова", gone.email, "+998907776655", "Bank", ["one", "two"]],
  );
  await page.goto(`/contacts/${gone.id}`);
  await page.getByRole("link", { name: "Show that one" }).click();
  await page.getByRole("heading", { level: 1, name: "Анна Каримова" }).waitFor();
  await window.close();
});

test("an erased person is asked about by name, and is gone", async () => {
  const { id } = await person({ name: "Анна Каримова", email: `gone-${segment}@x.example` });
  // Some of it may be asked for while the person is just being erased.
  const paths = [`/api/contacts/${id}`, `/api/contacts/${id}/suppressions`];
  const window = await open(
    browser,
    host,
    {},
    paths.map((path) => `404 ${path}`),
  );
  const { page } = window;
  await signIn(page, ADMIN, `/contacts/${id}`);
  await page.locator("[data-action=erase]").click();
  const dialog = page.getByRole("alertdialog");
  const yes = dialog.getByRole("button", { name: "Erase for good" });
  assert.equal(await yes.isDisabled(), true);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal((await load(id)).name, "Анна Каримова");
  await page.locator("[data-action=erase]").click();
  await dialog.locator("input[name=erase]").fill("Анна Каримова");
  await yes.click();
  await page.getByText("The person was erased.").waitFor();
  await assert.rejects(load(id), /404/u);
  await page.goto(`/contacts/${id}`);
  await page.getByText("This is not there").waitFor();
  await window.close();
});

test("the timeline tells what was written, and the plan why not", async () => {
  const someone = await person({ name: "Без адреса", phone: "+998905554433" });
  const { id } = someone;
  const draft = {
    contact_id: id,
    occasion_type: "custom",
    channel: "sms",
    content: "Добрый день, ждём вас.",
  };
  const message = await host.call(token, "POST", "/api/messages", draft);
  await host.call(token, "POST", `/api/messages/${message.id}/reject`, { reason: "не сейчас" });
  const campaign = await host.campaign(token, "Spring", segment);
  await host.call(token, "POST", `/api/campaigns/${campaign.id}/execute`, {});
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, `/contacts/${id}`);
  const entry = page.locator(".people-entry", { hasText: "Добрый день" });
  await entry.getByText("Rejected").first().waitFor();
  await entry.locator("summary").click();
  await entry.locator(".people-history").getByText("не сейчас").waitFor();
  await page.locator(".people-event", { hasText: "Created" }).waitFor();
  assert.equal(await page.locator(".people-event", { hasText: "put together" }).count(), 0);
  const why = page.locator("section", { hasText: "Why written to, or why not" });
  // The plan is made by the worker: asked until it is there.
  for (;;) {
    const plan = await host.call(token, "GET", `/api/campaigns/${campaign.id}/plan`);
    if (plan.total > 0) break;
  }
  await why.getByRole("button", { name: "Look it up" }).click();
  await why.getByText("No address for the channel").waitFor();
  await page.locator(".people-event", { hasText: "put together" }).waitFor();
  await window.shot("contact-timeline");
  await window.close();
});

test("files: the contacts of the filter in the encoding that was chosen, and all about one person", async () => {
  const { id } = await person({ name: "Ёлкин Пётр", email: `petr-${segment}@x.example`, company: "=2+2" });
  const window = await open(browser, host, { acceptDownloads: true });
  const { page } = window;
  await signIn(page, ADMIN, `/contacts?segment=${segment}`);
  await shows(page, ["Ёлкин Пётр"]);
  const fetched = async (act) => {
    const [file] = await Promise.all([page.waitForEvent("download"), act()]);
    return [file.suggestedFilename(), await readFile(await file.path())];
  };
  await page.getByRole("button", { name: "Export" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("1 contact of the filter.").waitFor();
  const download = () => dialog.getByRole("button", { name: "Download" }).click();
  const [excel, bytes] = await fetched(download);
  assert.equal(excel, "contacts.csv");
  assert.deepEqual([...bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf]);
  assert.match(bytes.toString("utf8"), /Ёлкин Пётр;.*'=2\+2/u);
  assert.equal(bytes.toString("utf8").trim().split("\r\n").length, 2);
  await dialog.getByRole("radio", { name: /^CSV For other/u }).check();
  await dialog.locator("select[name=encoding]").selectOption("windows-1251");
  const [, cyrillic] = await fetched(download);
  assert.match(new TextDecoder("windows-1251").decode(cyrillic), /Ёлкин Пётр,/u);
  await dialog.getByRole("radio", { name: /^vCard/u }).check();
  const [cards, vcard] = await fetched(download);
  assert.equal(cards, "contacts.vcf");
  assert.match(vcard.toString("utf8"), /FN:Ёлкин Пётр/u);
  await dialog.getByRole("radio", { name: /^JSON/u }).check();
  const [, lines] = await fetched(download);
  assert.equal(JSON.parse(lines.toString("utf8")).name, "Ёлкин Пётр");
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.goto(`/contacts/${id}`);
  const [, all] = await fetched(() => page.getByRole("button", { name: "Download all data" }).click());
  assert.equal(JSON.parse(all.toString("utf8")).contact.id, id);
  await window.close();
});

test("a file that breaks off is a failure, not half a file", async () => {
  await person({ name: "Анна" });
  const window = await open(browser, host, {}, ["503 /api/contacts/export"]);
  const { page } = window;
  await signIn(page, ADMIN, `/contacts?segment=${segment}`);
  await page.getByRole("button", { name: "Export" }).click();
  const body = JSON.stringify({ detail: "the database does not answer", code: "unavailable" });
  const answer = { status: 503, contentType: "application/json", body };
  await page.route("**/api/contacts/export**", (route) => route.fulfill(answer));
  let files = 0;
  page.on("download", () => (files += 1));
  await page.getByRole("dialog").getByRole("button", { name: "Download" }).click();
  await page.getByRole("dialog").getByText("Not available for now").waitFor();
  assert.equal(files, 0);
  await window.close();
});

test("who may only look sees no way to change anything", async () => {
  const { id } = await person({ name: "Анна", email: `seen-${segment}@x.example` });
  const viewer = {
    email: "viewer@salon.example",
    full_name: "V",
    password: "browser-password",
    role: "viewer",
  };
  const manager = { ...viewer, email: "manager@salon.example", role: "manager" };
  await host.call(token, "POST", "/api/auth/register", viewer);
  await host.call(token, "POST", "/api/auth/register", manager);
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, viewer.email, `/contacts?segment=${segment}`);
  await shows(page, ["Анна"]);
  for (const name of ["Export", "Import", "New contact"])
    assert.equal(await page.getByText(name).count(), 0, name);
  await page.getByRole("link", { name: "Анна" }).click();
  await page.locator(".people-event", { hasText: "Created" }).waitFor();
  const refused = ["Edit", "Merge…", "Erase…", "Ask for consent", "Download all data", "Look it up"];
  for (const name of refused) assert.equal(await page.getByText(name, { exact: true }).count(), 0, name);
  for (const path of [`/contacts/${id}/edit`, "/contacts/new", `/contacts/${id}/merge`, "/contacts/import"]) {
    await page.goto(path);
    await page.getByText("Your role may not do this").waitFor();
    assert.equal(await page.locator("main form, main input").count(), 0, path);
  }
  await window.close();
  const other = await open(browser, host);
  await signIn(other.page, manager.email, `/contacts/${id}`);
  await other.page.getByRole("link", { name: "Edit" }).waitFor();
  assert.equal(await other.page.locator("[data-action=erase]").count(), 0);
  await other.close();
});
