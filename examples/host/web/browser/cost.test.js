// A campaign page shows its cost before it runs, while it runs and after, and the three agree.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { open, signIn, startBrowser } from "./support/browser.js";
import { startClaude } from "./support/claude.js";
import { startHost, until } from "./support/host.js";

const PEOPLE = 20;
const FIRST = 8;
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

/** Whole numbers of 10^-12 dollars. */
function exact(text) {
  assert.match(text, /^\d+\.\d{2,12}$/u);
  const [whole, part] = text.split(".");
  return BigInt(whole + part.padEnd(12, "0"));
}

/** The figures of the card as the page holds them for programs; amounts also as they are shown. */
async function figures(page) {
  return page.locator("[data-cost]").evaluate((card) => {
    const found = { moment: card.getAttribute("data-cost") };
    for (const figure of card.querySelectorAll("[data-figure]")) {
      const data = figure.querySelector("data");
      found[figure.getAttribute("data-figure")] = data?.value ?? null;
      found[`${figure.getAttribute("data-figure")}_shown`] = data?.textContent ?? null;
    }
    found.ledger = card.querySelector("[data-ledger]")?.getAttribute("data-ledger") ?? null;
    return found;
  });
}

async function spentOf(token, id) {
  const usage = await host.call(token, "GET", `/api/usage?group=campaign&campaign_id=${id}`);
  assert.equal(usage.items.length, 1);
  return usage.items[0];
}

async function approveAll(token, id) {
  const filter = { campaign_id: id, status: "pending_approval" };
  const seen = await host.call(token, "POST", "/api/messages/bulk/preview", { action: "approve", filter });
  assert.equal(seen.count, PEOPLE);
  const { manifest } = seen;
  const done = await host.call(token, "POST", "/api/messages/bulk", { action: "approve", filter, manifest });
  assert.equal(done.applied, PEOPLE, JSON.stringify(done.items));
}

test("before, while and after agree with each other and with the ledger", async () => {
  const token = await host.admin(ADMIN);
  // Two drafts of another campaign say what one usually costs here.
  await host.people(token, "earlier", 2);
  await host.people(token, "spring", PEOPLE);
  const earlier = await host.campaign(token, "Earlier", "earlier");
  claude.let(2);
  await host.call(token, "POST", `/api/campaigns/${earlier.id}/execute`, {});
  await until(
    "the earlier drafts",
    () => host.call(token, "GET", `/api/campaigns/${earlier.id}/cost`),
    (cost) => cost.drafted === 2 && cost.reserved_usd === "0.00",
  );
  const { id } = await host.campaign(token, "Spring", "spring");
  await host.call(token, "PUT", "/api/budgets", { period: "day", limit_usd: "25.00" });
  await host.call(token, "PUT", "/api/budgets", { campaign_id: id, period: "total", limit_usd: "3.50" });

  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, `/campaigns/${id}`);
  const card = (moment, figure, value) =>
    page.locator(`[data-cost=${moment}] [data-figure=${figure}] data[value="${value}"]`);

  await card("before", "to_draft", PEOPLE).waitFor();
  const first = await figures(page);
  const each = exact(first.typical);
  assert.equal(each * BigInt(PEOPLE), exact(first.expected));
  assert.ok(each > 0n);
  assert.ok(exact(first.at_most) > exact(first.expected));
  assert.equal(first.expected_shown, `$${first.expected}`);
  await window.shot("cost-1-before");

  await page.locator("[data-action=execute]").click();
  const dialog = page.getByRole("alertdialog");
  await dialog.getByText(`$${first.expected}`).waitFor();
  await window.shot("cost-1-question", false);
  await dialog.getByRole("button", { name: "Run" }).click();
  await dialog.waitFor({ state: "detached" });
  claude.let(FIRST);

  await card("running", "drafted", FIRST).waitFor();
  await page.locator(`[data-ledger="${(await spentOf(token, id)).cost_usd}"]`).waitFor();
  const second = await figures(page);
  assert.equal(second.to_draft, String(PEOPLE - FIRST));
  assert.equal(exact(second.spent), each * BigInt(FIRST));
  assert.equal(second.ledger, second.spent);
  assert.equal(second.expected, first.expected);
  assert.ok(exact(second.reserved) > 0n);
  assert.ok(exact(second.spent) + exact(second.reserved) <= exact(second.at_most));
  assert.ok(exact(second.at_most) <= exact(first.at_most));
  await window.shot("cost-2-running");

  claude.let(PEOPLE - FIRST);
  await card("running", "drafted", PEOPLE).waitFor();
  await approveAll(token, id);
  await card("after", "drafted", PEOPLE).waitFor();
  await page.getByText("Agrees with the ledger").waitFor();
  const third = await figures(page);
  const ledger = await spentOf(token, id);
  assert.equal(ledger.calls, PEOPLE);
  assert.equal(ledger.reserved_usd, "0.00");
  for (const [what, amount] of Object.entries({
    spent: third.spent,
    expected: third.expected,
    at_most: third.at_most,
    shown: third.spent_shown.replace("$", ""),
    ledger_on_the_page: third.ledger,
    usage: ledger.cost_usd,
    before: first.expected,
    while: second.expected,
  })) {
    assert.equal(amount, third.spent, what);
  }
  assert.equal(third.to_draft, "0");
  await page.locator("[data-progress=sent] dd", { hasText: String(PEOPLE) }).waitFor();
  await window.shot("cost-3-after");
  assert.deepEqual(claude.faults, []);
  assert.equal(claude.calls(), PEOPLE + 2);
  await window.close();
});
