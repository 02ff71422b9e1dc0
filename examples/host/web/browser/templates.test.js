// Templates: written, refused where they are not understood, seen as a contact gets them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open, signIn, startBrowser } from "./support/browser.js";
import { startHost } from "./support/host.js";

const ADMIN = "admin@salon.example";
let host, browser, token;

before(async () => {
  host = await startHost();
  browser = await startBrowser();
  token = await host.admin(ADMIN);
});
after(async () => {
  await browser?.close();
  await host?.stop();
});

test("a template is written, mended, seen with a real contact and removed", async () => {
  const person = { name: "Каримова Анна Петровна", email: "anna@x.example", segment: "VIP", language: "ru" };
  await host.call(token, "POST", "/api/contacts", person);
  const window = await open(browser, host, {}, ["422 /api/templates"]);
  const { page } = window;
  await signIn(page, ADMIN, "/templates");
  await page.getByRole("link", { name: "New template" }).first().click();
  await page.locator("input[name=name]").fill("Весна");
  await page.locator("select[name=occasion_type]").selectOption("holiday");
  await page.locator("input[name=subject]").fill("С весной");
  await page.locator("textarea[name=content]").fill("{{greeting}} Ваша компания {{compny}}?");
  await page.getByRole("button", { name: "Save" }).click();
  const content = page.locator("textarea[name=content]");
  await page.locator("textarea[name=content][aria-invalid=true]").waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute("name") === "content");
  const said = page.locator(".field", { has: content }).locator(".people-wrong");
  assert.match(await said.textContent(), /there is no variable compny/u);
  await content.fill("{{greeting}} Ваша компания {{company}}?");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { level: 1, name: "Весна" }).waitFor();
  await page.getByRole("searchbox").fill("Каримова");
  await page.getByRole("button", { name: person.name }).click();
  const seen = page.locator(".people-quote");
  await seen.getByText("Уважаемая Анна Петровна! Ваша компания {{company}}?").waitFor();
  await page.getByText("Not known of this contact").waitFor();
  await content.fill("{{greeting}} С весной!");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The template was saved.").waitFor();
  // What is saved is seen at once.
  await seen.getByText("Уважаемая Анна Петровна! С весной!").waitFor();
  await page.getByText("Not known of this contact").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Remove…" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Remove" }).click();
  await page.getByText("No templates yet").waitFor();
  assert.equal((await host.call(token, "GET", "/api/templates")).total, 0);
  await window.close();
});

test("a template that somebody else changed is not overwritten", async () => {
  const fields = { name: "Лето", occasion_type: "holiday", language: "ru", content: "{{greeting}} С летом!" };
  const { id } = await host.call(token, "POST", "/api/templates", fields);
  const window = await open(browser, host, {}, [`409 /api/templates/${id}`]);
  const { page } = window;
  await signIn(page, ADMIN, `/templates/${id}`);
  await page.locator("textarea[name=content]").fill("{{greeting}} Моё!");
  await host.call(token, "PUT", `/api/templates/${id}`, { content: "{{greeting}} Их!" });
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Somebody was faster").waitFor();
  assert.equal(await page.locator("textarea[name=content]").inputValue(), "{{greeting}} Моё!");
  assert.equal((await host.call(token, "GET", `/api/templates/${id}`)).content, "{{greeting}} Их!");
  await page.getByRole("button", { name: "Drop mine and show what was saved" }).click();
  await page.waitForFunction(() => document.querySelector("textarea").value === "{{greeting}} Их!");
  await window.close();
});

test("who may only look sees the text and cannot change it", async () => {
  const viewer = {
    email: "viewer@salon.example",
    full_name: "V",
    password: "browser-password",
    role: "viewer",
  };
  await host.call(token, "POST", "/api/auth/register", viewer);
  const { items } = await host.call(token, "GET", "/api/templates");
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, viewer.email, `/templates/${items[0].id}`);
  await page.locator("textarea[name=content]").waitFor();
  assert.equal(await page.locator("textarea[name=content]").isDisabled(), true);
  for (const name of ["Save", "Remove…"])
    assert.equal(await page.getByText(name, { exact: true }).count(), 0);
  await window.close();
});
