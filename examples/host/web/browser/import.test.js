// A file of another program's making becomes contacts: looked at, mended, imported and taken back; with the mouse and without.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { TextDecoder } from "node:util";

import { fits, open, PHONE, signIn, startBrowser } from "./support/browser.js";
import { startHost } from "./support/host.js";

const ADMIN = "admin@salon.example";
let host, browser, token, place;

before(async () => {
  host = await startHost();
  browser = await startBrowser();
  token = await host.admin(ADMIN);
  place = await mkdtemp(join(tmpdir(), "crm-import-"));
});
after(async () => {
  await browser?.close();
  await host?.stop();
  if (place) await rm(place, { recursive: true, force: true });
});

const LETTERS = "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя";
const CP1251 = new Map([...LETTERS].map((letter, at) => [letter, 0xc0 + at]));
CP1251.set("Ё", 0xa8).set("ё", 0xb8).set("№", 0xb9).set("«", 0xab).set("»", 0xbb);

/** As a spreadsheet in Tashkent saves it. */
async function windows1251(name, rows) {
  const text = rows.map((row) => row.join(";")).join("\r\n");
  const bytes = Buffer.from([...text].map((letter) => CP1251.get(letter) ?? letter.charCodeAt(0)));
  const path = join(place, name);
  await writeFile(path, bytes);
  return path;
}

const HEAD = ["Фамилия", "Имя", "Отчество", "Телефон", "E-mail", "Компания", "Скидка"];
const count = (page, name) => page.locator(`[data-count=${name}] data`).first();
const list = (filter) => host.call(token, "GET", `/api/contacts?${filter}`);

async function counted(page, wanted) {
  for (const [name, value] of Object.entries(wanted)) {
    await page.locator(`[data-count=${name}] data[value="${value}"]`).first().waitFor();
  }
}

test("a file in Windows-1251 with semicolons becomes contacts with their right names, and is taken back", async () => {
  const known = { name: "Ольга", email: "olga@a.example", segment: "regular", language: "ru" };
  await host.call(token, "POST", "/api/contacts", known);
  const file = await windows1251("clients.csv", [
    HEAD,
    ["Щербакова", "Анна", "Юрьевна", "90 123 45 67", "anna@a.example", "ООО «Чинор»", "10"],
    ["Ёлкин", "Пётр", "", "+998 90 765-43-21", "petr@a.example", "", "5"],
    ["Цой", "Ольга", "", "", "olga@a.example", "Tsoi Dental", ""],
    ["Плохая", "Строка", "", "", "не адрес", "", ""],
  ]);
  const window = await open(browser, host, { acceptDownloads: true });
  const { page } = window;
  await signIn(page, ADMIN, "/contacts");
  await page.getByRole("link", { name: "Import" }).click();
  await page.locator("input[name=file]").setInputFiles(file);
  await page.getByText("Found: windows-1251").waitFor({ state: "attached" });
  await page.getByText("Found: ;").waitFor({ state: "attached" });
  const samples = page.locator("[data-samples]");
  await samples.getByText("Анна Юрьевна Щербакова").waitFor();
  await samples.getByText("Пётр Ёлкин").waitFor();
  await counted(page, { created: 2, updated: 0, skipped: 1, rejected: 1 });
  // In the order of the file, with what stands there.
  assert.deepEqual(await page.locator("tr[data-column] th").allTextContents(), HEAD);
  await page.locator("tr[data-column=Фамилия]").getByText("Щербакова · Ёлкин · Цой").waitFor();
  assert.equal((await list("search=Щербакова")).total, 0, "nothing was written");

  // What a column means is said better, and the people who are there already are brought up to date.
  const discount = page.locator("tr[data-column=Скидка]");
  await discount.locator("select").selectOption("new custom field");
  await discount.locator("input").fill("discount");
  await discount.getByRole("button", { name: "Use" }).click();
  await page.locator("select[name=duplicates]").selectOption("update");
  await counted(page, { created: 2, updated: 1, skipped: 0, rejected: 1 });
  await window.shot("import-looked-at");
  await page.getByRole("button", { name: "Import 3 contacts" }).click();
  await page.locator("[data-import=completed]").waitFor();
  await counted(page, { created: 2, updated: 1, rejected: 1 });
  const [anna] = (await list("search=Щербакова")).items;
  assert.deepEqual(
    [anna.name, anna.phone, anna.company, anna.custom_fields],
    ["Анна Юрьевна Щербакова", "+998901234567", "ООО «Чинор»", { discount: "10" }],
  );
  await page.getByRole("link", { name: "All contacts" }).last().click();
  await page.getByRole("link", { name: "Пётр Ёлкин" }).waitFor();
  await page.getByRole("link", { name: "Анна Юрьевна Щербакова" }).waitFor();
  await page.goBack();

  // The rejected row comes back in the file's own encoding, with the reason.
  const [rejects] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download rejected rows" }).click(),
  ]);
  const text = new TextDecoder("windows-1251").decode(await readFile(await rejects.path()));
  assert.match(text, /Плохая;Строка;.*line 5/u);

  await page.locator("[data-action=revert]").click();
  const dialog = page.getByRole("alertdialog");
  await dialog.getByRole("button", { name: "Go back" }).click();
  assert.equal((await list("search=Щербакова")).total, 1);
  await page.locator("[data-action=revert]").click();
  await dialog.getByRole("button", { name: "Take back" }).click();
  await page.getByText("Removed: 2. As before again: 1. Kept: 0.").waitFor();
  assert.equal((await list("search=Щербакова")).total, 0);
  const [olga] = (await list("search=olga@a.example")).items;
  assert.equal(olga.name, "Ольга");
  await page.getByRole("link", { name: "Import contacts" }).click();
  const past = page.getByRole("table", { name: "Earlier imports" });
  await past.getByText("Taken back").waitFor();
  await window.close();
});

test("an encoding and a column that were found wrong are mended", async () => {
  const file = await windows1251("short.csv", [
    ["Имя", "Заметка"],
    ["Ольга", "olga@b.example"],
  ]);
  const window = await open(browser, host, {}, ["422 /api/contacts/import/preview"]);
  const { page } = window;
  await signIn(page, ADMIN, "/contacts/import");
  await page.locator("input[name=file]").setInputFiles(file);
  await page.locator("[data-samples]").waitFor();
  await page.locator("select[name=encoding]").selectOption("koi8-r");
  await page.locator("[data-samples]").getByText("Ольга").waitFor({ state: "detached" });
  await page.locator("select[name=encoding]").selectOption("windows-1251");
  await page.locator("[data-samples]").getByText("Ольга").waitFor();
  await page.getByLabel("Заметка: Fills").selectOption("email");
  await page.locator("[data-samples]").getByText("olga@b.example").waitFor();
  await window.close();
});

test("a large import shows how far it is, and goes on when the page is left", async () => {
  const rows = Array.from({ length: 2_500 }, (_, at) => [`Клиент ${at}`, `c${at}@big.example`]);
  const file = await windows1251("large.csv", [["Имя", "E-mail"], ...rows]);
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/contacts/import");
  await page.locator("input[name=file]").setInputFiles(file);
  await page.getByRole("button", { name: "Import 2,500 contacts" }).click();
  await page.waitForURL(/\/contacts\/import\/[0-9a-f-]+$/u);
  const address = page.url();
  await page.goto("/contacts");
  await page.goto(address);
  await page.locator("[data-import=completed]").waitFor();
  await counted(page, { created: 2500, rejected: 0 });
  await window.close();
});

test("what is no file of contacts is refused with the reason, and another one may be chosen", async () => {
  const picture = join(place, "picture.csv");
  await writeFile(picture, Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 3, 0, 255, 0, 7]));
  const window = await open(browser, host, {}, ["422 /api/contacts/import/preview"]);
  const { page } = window;
  await signIn(page, ADMIN, "/contacts/import");
  await page.locator("input[name=file]").setInputFiles(picture);
  await page.getByRole("alert").waitFor();
  assert.equal(await page.locator("[data-action=import]").count(), 0);
  const large = join(place, "too-large.csv");
  await writeFile(large, Buffer.alloc(11 * 1024 * 1024, "a"));
  await page.locator("input[name=file]").setInputFiles(large);
  await page.getByText("too-large.csv is too large").waitFor();
  const good = await windows1251("good.csv", [["Имя"], ["Хорошая"]]);
  await page.locator("input[name=file]").setInputFiles(good);
  await page.locator("[data-samples]").getByText("Хорошая").waitFor();
  await page.waitForFunction(() => document.querySelector("[role=alert]") === null);
  await window.close();
});

test("an import whose answer got lost is begun once", async () => {
  const file = await windows1251("once.csv", [["Имя"], ["Единственная Дважды"]]);
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/contacts/import");
  await page.locator("input[name=file]").setInputFiles(file);
  await page.locator("select[name=duplicates]").selectOption("create");
  await page.locator("[data-samples]").waitFor();
  await page.route("**/api/contacts/import", async (route) => {
    await route.fetch();
    await route.abort();
  });
  await page.locator("[data-action=import]").click();
  await page.getByText("The host does not answer").waitFor();
  await page.unrouteAll({ behavior: "wait" });
  await page.locator("[data-action=import]").click();
  await page.locator("[data-import=completed]").waitFor();
  assert.equal((await list("search=Единственная")).total, 1);
  await page.context().close();
});

test("a file is imported by the keyboard alone, on a phone's width", async () => {
  const file = await windows1251("keys.csv", [
    ["Имя", "E-mail"],
    ["Клавиша", "key@c.example"],
  ]);
  const window = await open(browser, host, { viewport: PHONE });
  const { page } = window;
  await signIn(page, ADMIN, "/contacts");
  const tabTo = async (fine) => {
    for (let step = 0; step < 80; step += 1) {
      await page.keyboard.press("Tab");
      if (await page.evaluate(fine)) return;
    }
    assert.fail(`${fine} was never reached`);
  };
  await tabTo(() => document.activeElement?.textContent === "Import");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Import contacts" }).waitFor();
  await tabTo(() => document.activeElement?.getAttribute("name") === "file");
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.keyboard.press("Enter")]);
  await chooser.setFiles(file);
  await page.locator("[data-samples]").getByText("Клавиша").waitFor();
  await fits(page, "import");
  await tabTo(() => document.activeElement?.getAttribute("data-action") === "import");
  await page.keyboard.press("Enter");
  await page.locator("[data-import=completed]").waitFor();
  await page.waitForFunction(() => document.activeElement?.id === "main");
  await tabTo(() => document.activeElement?.getAttribute("data-action") === "revert");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("alertdialog");
  await dialog.waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await page.waitForFunction(() => document.activeElement?.getAttribute("data-action") === "revert");
  await page.keyboard.press("Enter");
  await dialog.waitFor();
  await tabTo(() => document.activeElement?.textContent === "Take back");
  await page.keyboard.press("Enter");
  await page.locator("[data-import=reverted]").waitFor();
  assert.equal((await list("search=Клавиша")).total, 0);
  await count(page, "created").waitFor();
  await window.close();
});
