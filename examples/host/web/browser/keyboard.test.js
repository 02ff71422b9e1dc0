// The keyboard alone: sign in, find a campaign, think again, run it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open, startBrowser } from "./support/browser.js";
import { PASSWORD, startHost, until } from "./support/host.js";

let host, browser;
before(async () => {
  host = await startHost();
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await host?.stop();
});

/** Goes from one control to the next until one is named so. */
async function tabTo(page, name) {
  const seen = [];
  for (let step = 0; step < 40; step += 1) {
    await page.keyboard.press("Tab");
    const here = await page.evaluate(() => {
      const one = document.activeElement;
      const label = one?.closest("label")?.querySelector(".field-label")?.textContent;
      return label ?? one?.getAttribute("aria-label") ?? one?.textContent ?? "";
    });
    if (here.trim() === name) return;
    seen.push(here.trim());
  }
  assert.fail(`${name} is not among ${seen.join(" | ")}`);
}

const focused = (page) => page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");

test("a campaign is run without a mouse", async () => {
  const token = await host.admin();
  await host.people(token, "spring", 3);
  const campaign = await host.campaign(token, "Spring", "spring");
  const window = await open(browser, host);
  const { page } = window;
  await page.goto("/campaigns");
  await page.locator("input[name=email]").waitFor();
  await tabTo(page, "E-mail");
  await page.keyboard.type("admin@salon.example");
  await tabTo(page, "Password");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Spring" }).waitFor();

  // The first stop leads past the navigation.
  await page.evaluate(() => document.activeElement?.blur?.());
  await tabTo(page, "Spring");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Spring" }).waitFor();
  await page.waitForFunction(() => document.activeElement?.id === "main");
  await page.locator("[data-cost=before] [data-figure=to_draft] data[value='3']").waitFor();
  await tabTo(page, "Run");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("alertdialog");
  await dialog.waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await page.waitForFunction(() => document.activeElement?.textContent?.trim() === "Run");
  assert.equal((await host.call(token, "GET", `/api/campaigns/${campaign.id}`)).status, "draft");

  await page.keyboard.press("Enter");
  await dialog.waitFor();
  // The focus cannot leave the question.
  await page.waitForFunction(() => document.activeElement?.closest("[role=alertdialog]") !== null);
  await tabTo(page, "Run");
  await page.keyboard.press("Enter");
  await page.getByText("The campaign runs.").waitFor();
  assert.notEqual(await focused(page), "");
  await until(
    "three drafts",
    () => host.call(token, "GET", `/api/campaigns/${campaign.id}`),
    (now) => now.stats.generated_count === 3,
  );
  await page.locator("[data-progress=drafted] dd", { hasText: "3" }).waitFor();
  await window.close();
});
