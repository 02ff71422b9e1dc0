// Every screen in every language, light and dark: nothing that axe finds serious, and nothing wider than a phone.
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";

import { fits, open, PHONE, signIn, startBrowser } from "./support/browser.js";
import { startHost, until } from "./support/host.js";

const LANGUAGES = ["en", "ru", "uz-Latn", "uz-Cyrl"];
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
let axe, host, browser, campaigns, drafts, person;

/** A contact with some of everything. */
async function somebody() {
  const token = await host.signIn("admin@example.com");
  await host.call(token, "PUT", "/api/contacts/fields/level", {
    type: "choice",
    options: ["gold", "silver"],
  });
  const { items } = await host.call(token, "GET", "/api/messages?limit=1&status=sent");
  const path = `/api/contacts/${items[0].contact_id}`;
  return host.call(token, "PUT", path, {
    birthday: "--05-21",
    tags: ["gold", "клуб, зал"],
    custom_fields: { level: "gold", note: "любит чай" },
    consent: [
      {
        channel: "sms",
        topic: "marketing",
        status: "opted_out",
        evidence: "form 12",
        at: "2026-01-31T09:00:00Z",
      },
    ],
  });
}

before(async () => {
  axe = await readFile(AXE, "utf8");
  host = await startHost({ flags: ["--demo", "--demo-drafts", "24"] });
  browser = await startBrowser();
  const token = await host.signIn("manager@example.com");
  campaigns = await until(
    "the demo's campaigns",
    async () => (await host.call(token, "GET", "/api/campaigns")).items,
    (items) => items.length === 3 && items.some((one) => one.stats.generated_count > 0),
  );
  const { items } = await host.call(token, "GET", "/api/messages?status=pending_approval&limit=100");
  const found = (name) => items.some((one) => one.findings.some(({ severity }) => severity === name));
  assert.ok(found("blocking") && found("warning"));
  drafts = {
    blocked: items.find((one) => one.findings.some(({ severity }) => severity === "blocking")).id,
    // Written, submitted, changed.
    edited: items.find((one) => one.version === 3 && one.channel === "email").id,
    text: items.find((one) => one.channel === "sms" && one.findings.length === 0).id,
  };
  person = await somebody();
  const admin = await host.signIn("admin@example.com");
  await host.call(admin, "PUT", "/api/budgets", { period: "day", limit_usd: "25" });
  for (const [channel, address, reason] of [
    [
      "email",
      "somebody.with.a.long.name@rather-long-domain.example",
      "asked by telephone, in their own words",
    ],
    ["sms", "+998901234567", "complaint"],
  ])
    await host.call(admin, "POST", "/api/suppressions", { channel, address, reason });
});
after(async () => {
  await browser?.close();
  await host?.stop();
});

async function sound(page, what) {
  // Evaluated by the browser's own console, which the page's policy does not concern.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations
    .filter((one) => one.impact === "serious" || one.impact === "critical")
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`);
  assert.deepEqual(serious, [], what);
}

const idOf = (status) => campaigns.find((one) => one.status === status).id;

async function settled(page) {
  await page.waitForFunction(() => document.querySelector(".loading") === null);
  await page.evaluate(() => document.fonts.ready);
}

/** The screens, and how each is reached. */
const SCREENS = {
  list: (page) => page.goto("/campaigns"),
  nothing: (page) => page.goto("/campaigns?status=%22paused%22"),
  draft: (page) => page.goto(`/campaigns/${idOf("draft")}`),
  running: (page) => page.goto(`/campaigns/${idOf("active")}`),
  question: async (page) => {
    await page.goto(`/campaigns/${idOf("draft")}`);
    await page.locator("[data-action=execute]").click();
    await page.getByRole("alertdialog").waitFor();
  },
  create: (page) => page.goto("/campaigns/new"),
  menu: async (page) => {
    await page.goto("/campaigns");
    await page.locator(".top-button").last().click();
    await page.getByRole("menu").waitFor();
  },
  inbox: (page) => page.goto("/inbox"),
  "inbox-nothing": (page) => page.goto("/inbox?q=%22nobody%20wrote%20this%22"),
  "inbox-blocked": (page) => page.goto(`/inbox/${drafts.blocked}`),
  "inbox-edited": async (page) => {
    await page.goto(`/inbox/${drafts.edited}`);
    await page.locator(".changes ins").waitFor();
  },
  "inbox-editor": async (page) => {
    await page.goto(`/inbox/${drafts.text}`);
    await page.locator("[data-deed=edit]").click();
    await page.locator("textarea[name=content]:focus").waitFor();
  },
  "inbox-reject": async (page) => {
    await page.goto(`/inbox/${drafts.text}`);
    await page.locator("[data-deed=reject]").click();
    await page.getByRole("dialog").waitFor();
  },
  "inbox-many": async (page) => {
    await page.goto("/inbox");
    await page.locator(".inbox-many input").check();
    await page.locator(".inbox-many button").first().click();
    await page.locator("[data-bulk=yes]:not([aria-disabled=true])").waitFor();
  },
  "inbox-keys": async (page) => {
    await page.goto("/inbox");
    await page.locator(".drafts").waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
  },
  messages: (page) => page.goto("/messages"),
  message: async (page) => {
    await page.goto(`/messages/${drafts.edited}`);
    await page.locator(".changes ins").waitFor();
  },
  missing: (page) => page.goto("/no/such/page"),
  templates: (page) => page.goto("/templates"),
  template: async (page) => {
    await page.goto("/templates");
    await page.locator("tbody .row-link").first().click();
    await page.locator("input[type=search]").fill("example.com");
    await page.locator(".people-found button").first().click();
    await page.locator(".people-quote").waitFor();
  },
  contacts: async (page) => {
    await page.goto("/contacts?audience=has+phone+and+not+tag+%3D+x");
    await page.locator(".people-counted").waitFor();
  },
  export: async (page) => {
    await page.goto("/contacts");
    await page.locator(".page-head button").first().click();
    await page.locator("input[value=csv]").check();
  },
  contact: async (page) => {
    await page.goto(`/contacts/${person.id}`);
    await page.locator(".people-entry summary").first().click();
    await page.locator(".people-history").waitFor();
  },
  optIn: async (page) => {
    await page.goto(`/contacts/${person.id}`);
    await page.locator("[data-action=opt-in]").click();
    await page.getByRole("dialog").waitFor();
  },
  analytics: async (page) => {
    await page.goto("/analytics");
    await page.locator("[data-chart-said]").waitFor();
    await page.locator(".chart-table summary").first().click();
  },
  audit: async (page) => {
    await page.goto("/audit");
    await page.locator(".audit-more").first().click();
    await page.locator("[data-verify]").click();
    await page.locator(".notices .notice").waitFor();
  },
  suppressions: async (page) => {
    await page.goto("/suppressions");
    await page.locator("tr[data-address]").first().waitFor();
  },
  settings: async (page) => {
    await page.goto("/settings");
    await page.locator("[data-budget]").waitFor();
    await page.locator("[data-user]").first().waitFor();
  },
  suppress: async (page) => {
    await page.goto("/suppressions");
    await page.locator(".page-head button").click();
    await page.getByRole("dialog").waitFor();
  },
  more: async (page) => {
    await page.goto("/audit");
    await page.locator(".nav button").click();
    await page.getByRole("menu").waitFor();
  },
  editContact: (page) => page.goto(`/contacts/${person.id}/edit`),
  mergeContact: async (page) => {
    await page.goto(`/contacts/${person.id}/merge`);
    await page.locator("input[type=search]").fill("example.com");
    await page.locator(".people-found button").first().click();
    await page.locator(".people-merge").waitFor();
  },
  importContacts: async (page) => {
    await page.goto("/contacts/import");
    await page.locator("input[name=file]").setInputFiles({
      name: "clients.csv",
      mimeType: "text/csv",
      buffer: Buffer.from(
        "Имя;E-mail;Дата рождения;Скидка\nАнна;anna@a.example;03.04.1985;5\nПлохая;не адрес;;\n",
      ),
    });
    await page.locator("[data-samples]").waitFor();
    await page.locator("tr[data-column=Скидка] select").selectOption("new custom field");
  },
};

/** Those with something above the page. */
const ABOVE = new Set([
  "question",
  "inbox-reject",
  "inbox-many",
  "inbox-keys",
  "export",
  "optIn",
  "more",
  "suppress",
]);

for (const language of LANGUAGES) {
  for (const theme of ["light", "dark"]) {
    test(`${language}, ${theme}`, async () => {
      const window = await open(browser, host, { language, theme });
      const { page } = window;
      await page.goto("/sign-in");
      await page.locator("input[name=email]").waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.lang), language);
      await sound(page, "sign-in");
      await window.shot(`${language}-${theme}-sign-in`);
      await signIn(page, "manager@example.com");
      for (const [name, reach] of Object.entries(SCREENS)) {
        await reach(page);
        await page.getByRole("heading", { level: 1, includeHidden: true }).waitFor();
        await settled(page);
        await sound(page, name);
        await window.shot(`${language}-${theme}-${name}`, !ABOVE.has(name));
      }
      await window.close();
    });
  }
  test(`${language}, on a phone`, async () => {
    const window = await open(browser, host, { language, viewport: PHONE, hasTouch: true, isMobile: true });
    const { page } = window;
    await page.goto("/sign-in");
    await page.locator("input[name=email]").waitFor();
    await fits(page, "sign-in");
    await window.shot(`${language}-phone-sign-in`);
    await signIn(page, "manager@example.com");
    for (const [name, reach] of Object.entries(SCREENS)) {
      await reach(page);
      await page.getByRole("heading", { level: 1, includeHidden: true }).waitFor();
      await settled(page);
      await fits(page, name);
      await sound(page, name);
      await window.shot(`${language}-phone-${name}`, !ABOVE.has(name));
    }
    await window.close();
  });
}
