// Who is in the plan and who is left out and why, and a budget that is too small.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open, signIn, startBrowser } from "./support/browser.js";
import { startClaude } from "./support/claude.js";
import { startHost } from "./support/host.js";

const ADMIN = "admin@salon.example";
let claude, host, browser;

before(async () => {
  claude = await startClaude();
  host = await startHost({ claude });
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await host?.stop();
  await claude?.stop();
});

test("a plan says who gets what when by whose clock, and who does not", async () => {
  const token = await host.admin(ADMIN);
  await host.people(token, "spring", 11);
  const far = { name: "Далёкий", email: "far@example.com", segment: "spring", language: "ru" };
  await host.call(token, "POST", "/api/contacts", { ...far, time_zone: "America/New_York" });
  const mute = { name: "Без адреса", phone: "+998901112233", segment: "spring", language: "ru" };
  await host.call(token, "POST", "/api/contacts", mute);
  const fields = { name: "Spring", occasion_type: "holiday", segment_filter: { segment: "spring" } };
  const when = { schedule_type: "scheduled", scheduled_at: "2031-03-01T09:00:00Z" };
  const { id } = await host.call(token, "POST", "/api/campaigns", { ...fields, ...when });
  // Less than one draft can cost: no model is asked, and everybody gets a greeting.
  const budget = { campaign_id: id, period: "total", limit_usd: "0.0001" };
  await host.call(token, "PUT", "/api/budgets", budget);

  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, `/campaigns/${id}`);
  await page.getByText("Nothing is planned yet").waitFor();
  await page.getByText("Less is left than the campaign is expected to cost.").waitFor();
  await page.getByText("$0.0001 left of $0.0001").waitFor();
  await page.locator("[data-action=test]").click();
  const dialog = page.getByRole("alertdialog");
  await dialog.getByText("Texts for 13 people").waitFor();
  await dialog.locator(".dialog-actions button").last().click();
  await page.getByText("The campaign is being tried out.").waitFor();
  await page.locator("[data-progress=drafted] dd", { hasText: /^12$/u }).waitFor();

  const plan = page.getByRole("table", { name: "Plan" });
  await page.getByText("1–10 of 13").waitFor();
  assert.equal(await plan.locator("tbody tr").count(), 10);
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText("11–13 of 13").waitFor();
  const line = (name) => plan.locator("tr", { hasText: name });
  // Nine in the morning in London is four at night in New York.
  await line("Далёкий").getByText("Mar 1, 2031, 4:00 AM").waitFor();
  await line("Далёкий").getByText("America/New_York").waitFor();
  await line("Далёкий").getByText("Drafted").waitFor();
  await page.getByRole("button", { name: "Left out" }).click();
  // The lines of before stay until the answer is there, and the one left out is among them.
  await page.waitForFunction(() => document.querySelectorAll("table[aria-label=Plan] tbody tr").length === 1);
  await line("Без адреса").getByText("No address for the channel").waitFor();
  await window.shot("plan-left-out");

  assert.equal(claude.calls(), 0);
  await page.getByText("No call of a model so far.").waitFor();
  await page.locator("[data-figure=spent] data[value='0.00']").waitFor();
  await window.close();
});
