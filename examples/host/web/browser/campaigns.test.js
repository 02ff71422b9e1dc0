// The builder of campaigns, by mouse and by keyboard, and what a campaign's own page draws and compares.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";

import { fits, open, PHONE, signIn, startBrowser } from "./support/browser.js";
import { PASSWORD, startHost, until } from "./support/host.js";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const ADMIN = "admin@salon.example";
let axe, host, browser, token;

before(async () => {
  axe = await readFile(AXE, "utf8");
  host = await startHost();
  browser = await startBrowser();
  token = await host.admin(ADMIN);
  await host.people(token, "spring", 4);
});
after(async () => {
  await browser?.close();
  await host?.stop();
});

async function sound(page, what) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations
    .filter((one) => one.impact === "serious" || one.impact === "critical")
    .map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" ")}`);
  assert.deepEqual(serious, [], what);
}

const named = async (name) => {
  const { items } = await host.call(token, "GET", "/api/campaigns?limit=100");
  return items.filter((one) => one.name === name);
};
const idIn = (page) => /campaigns\/([0-9a-f-]{36})/u.exec(page.url())?.[1];
const save = (page) => page.locator(".form-actions button[type=submit]").click();
const heading = (page, name) => page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
const fact = (page, label) =>
  page
    .locator(".rows > div", { has: page.locator("dt", { hasText: new RegExp(`^${label}$`, "u") }) })
    .locator("dd");

test("a campaign is built with all that it may be, and said in words", async () => {
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/campaigns/new");
  await page.locator("input[name=name]").fill("Spring weeks");
  await page.locator("textarea[name=description]").fill("For the team");
  // Everybody, and then those of the segment: the count follows.
  await page.locator("[data-count='4']").waitFor();
  await page.locator("input[name=segment]").fill("nobody");
  await page.locator("[data-count='0']").waitFor();
  await page.locator("input[name=segment]").fill("spring");
  await page.locator("[data-count='4']").waitFor();

  await page.locator("input[name=when][value=recurring]").check();
  await page.locator("input[name=time]").fill("10:30");
  await page.getByRole("group", { name: "On", exact: true }).getByLabel("Wednesday").check();
  await page.locator("input[name=quiet]").check();
  await page.locator("input[name=from]").fill("20:30");
  await page.locator("input[name=working][value=sunday]").uncheck();
  await page.locator("input[name=holidays][value=uz]").check();
  await page.locator("input[name=otherwise][value=skip]").check();
  await page.locator("input[name=spread]").fill("120");
  await page.locator("select[name=fallback]").selectOption("telegram");
  await page.locator("select[name=fallback]").selectOption("sms");
  await page.getByRole("button", { name: "Try SMS earlier" }).click();
  await page.locator("textarea[name=context]").fill("Spring is here");
  await page.locator("select[name=tone]").selectOption("warm");
  await page.locator("select[name=drafting]").selectOption("batch");
  await page.locator("select[name=unavailable]").selectOption("wait");
  await page.locator("input[name=compared]").check();
  await page.getByRole("button", { name: "Add a variant" }).click();
  await page.getByRole("button", { name: "Remove the variant B" }).click();
  await page.locator("[data-arm='1'] input[name=arm-weight]").fill("3");
  await page.locator("[data-arm='1'] textarea").fill("One line alone");
  await page.locator("[data-arm='1']").getByText("Share: 75%").waitFor();
  await page.locator("input[name=holdout]").fill("12.5");
  await sound(page, "the builder");
  await window.shot("builder");
  await save(page);
  await heading(page, "Spring weeks");

  const made = await host.call(token, "GET", `/api/campaigns/${idIn(page)}`);
  assert.deepEqual(made.segment_filter, { segment: "spring" });
  assert.equal(made.recurrence_rule, "30 10 * * 1,3");
  assert.deepEqual(made.sending_times, {
    quiet_hours: { from: "20:30", until: "09:00" },
    working_days: ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday"],
    holidays: ["uz"],
    otherwise: "skip",
  });
  assert.equal(made.spread_minutes, 120);
  assert.deepEqual(made.fallback_channels, ["sms", "telegram"]);
  assert.deepEqual(
    [made.custom_context, made.tone, made.drafting, made.when_unavailable, made.description],
    ["Spring is here", "warm", "batch", "wait", "For the team"],
  );
  assert.equal(made.variants.holdout_permille, 125);
  assert.deepEqual(
    made.variants.arms.map((arm) => [arm.name, arm.weight, arm.custom_context]),
    [
      ["A", 1, null],
      ["C", 3, "One line alone"],
    ],
  );

  assert.equal(await fact(page, "When").innerText(), "Every week at 10:30: Monday, Wednesday");
  const times = await fact(page, "Sending times").innerText();
  assert.match(
    times,
    /^not from 20:30 until 09:00; only on Monday, .*Saturday; not on holidays \(Uzbekistan\)$/u,
  );
  assert.equal(await fact(page, "At other times").innerText(), "Is not sent in this run");
  assert.equal(await fact(page, "Spread").innerText(), "Over 120 minutes");
  assert.equal(await fact(page, "Channel").innerText(), "E-mail → SMS → Telegram");
  assert.equal(await fact(page, "Variants").innerText(), "A 25% · C 75%");
  assert.equal(await fact(page, "Held back").innerText(), "12.5%");
  await window.close();
});

test("a draft is edited, and what was not touched stays", async () => {
  const made = await host.call(token, "POST", "/api/campaigns", {
    name: "Contracts",
    occasion_type: "custom",
    segment_filter: "not tag = gold",
    schedule_type: "date",
    date_field: "ends_on",
    date_repeat: "once",
    offset_days: -30,
    ahead_days: 7,
    sending_times: { holidays: ["ru"] },
  });
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, `/campaigns/${made.id}`);
  assert.equal(
    await fact(page, "When").innerText(),
    "30 days before: ends_on, at 09:00 by their clock (once)",
  );
  await page.getByRole("link", { name: "Edit", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "Edit campaign" }).waitFor();
  assert.equal(await page.locator("input[name=audience]").inputValue(), made.audience);
  assert.equal(await page.locator("input[name=offset]").inputValue(), "30");
  assert.ok(await page.locator("input[name=holidays][value=ru]").isChecked());
  await page.locator(".people-counted").waitFor();
  // A rule of calendars instead, chosen among the usual ones.
  await page.locator("input[name=when][value=recurring]").check();
  await page.locator("select[name=repeat]").selectOption("rule");
  await page.locator("select[name=example]").selectOption("last_friday");
  await page.locator("input[name=rule]").press("End");
  await page.locator("input[name=rule]").pressSequentially(";COUNT=12");
  await page.locator("input[name=starts]").fill("2099-01-01T09:00");
  await save(page);
  await heading(page, "Contracts");
  assert.match(
    await fact(page, "When").innerText(),
    /^On the last Friday of each month, from Jan 1, 2099, 9:00 AM, 12 times in all$/u,
  );
  const now = await host.call(token, "GET", `/api/campaigns/${made.id}`);
  assert.equal(now.recurrence_rule, "FREQ=MONTHLY;BYDAY=-1FR;COUNT=12");
  assert.equal(now.scheduled_at, "2099-01-01T04:00:00Z");
  assert.equal(now.audience, made.audience);
  assert.deepEqual(now.sending_times, made.sending_times);
  await window.close();
});

test("what the host refuses is said beside its field, and mended there", async () => {
  const window = await open(browser, host, {}, ["422 /api/campaigns", "422 /api/audiences/sample"]);
  const { page } = window;
  await signIn(page, ADMIN, "/campaigns/new");
  await page.locator("input[name=name]").fill("Mended");
  await page.locator("input[name=when][value=recurring]").check();
  await page.locator("select[name=repeat]").selectOption("cron");
  await page.locator("input[name=cron]").fill("99 9 * * 1");
  await save(page);
  // The focus goes where it is wrong, and what is wrong describes it.
  const cron = page.locator("input[name=cron][aria-invalid=true]:focus");
  await cron.waitFor();
  const described = await cron.getAttribute("aria-describedby");
  assert.match(await page.locator(`[id="${described}"]`).innerText(), /cron expression of five fields/u);
  await sound(page, "a refusal");
  await cron.fill("*/10 9 * * 1");
  await page.locator("input[name=zone]").fill("Mars/Olympus");
  await save(page);
  await page.locator("input[name=zone][aria-invalid=true]:focus").fill("Europe/Berlin");
  await page.locator("input[name=compared]").check();
  await page.locator("[data-arm='1'] input[name=arm-name]").fill("A");
  await save(page);
  await page.getByText("give each arm a name of its own").waitFor();
  await page.locator("[data-arm='1'] input[name=arm-name]").fill("B");
  await page.locator("input[name=whom][value=words]").check();
  await page.locator("input[name=audience]").fill("VIP");
  await page.getByText("Not understood at character 1:").waitFor();
  await save(page);
  await page.locator("input[name=audience]:focus").fill("segment = spring");
  await page.locator(".people-counted", { hasText: "4 people" }).waitFor();
  await save(page);
  await heading(page, "Mended");
  const [made] = await named("Mended");
  assert.equal(made.recurrence_rule, "*/10 9 * * 1");
  assert.equal(made.time_zone, "Europe/Berlin");
  assert.deepEqual(made.segment_filter, { segment: "spring" });
  await window.close();
});

test("who saves second is told, loses nothing, and may keep both", async () => {
  const made = await host.campaign(token, "Shared", "spring");
  const window = await open(browser, host, {}, [`409 /api/campaigns/${made.id}`]);
  const { page } = window;
  await signIn(page, ADMIN, `/campaigns/${made.id}/edit`);
  await page.locator("textarea[name=context]").fill("Mine");
  await host.call(token, "PUT", `/api/campaigns/${made.id}`, { spread_minutes: 60 });
  await save(page);
  await page.getByText("Somebody changed this campaign at").waitFor();
  assert.equal(await page.locator("textarea[name=context]").inputValue(), "Mine");
  await page.getByRole("button", { name: "Keep my changes beside theirs" }).click();
  await save(page);
  await heading(page, "Shared");
  let now = await host.call(token, "GET", `/api/campaigns/${made.id}`);
  assert.deepEqual([now.custom_context, now.spread_minutes], ["Mine", 60]);

  await page.getByRole("link", { name: "Edit", exact: true }).click();
  await page.locator("textarea[name=context]").fill("Mine again");
  await host.call(token, "PUT", `/api/campaigns/${made.id}`, { custom_context: "Theirs" });
  await save(page);
  await page.getByRole("button", { name: "Drop mine and show theirs" }).click();
  await page.waitForFunction(() => document.querySelector("textarea[name=context]")?.value === "Theirs");
  await page.getByText("Somebody changed this campaign at").waitFor({ state: "detached" });
  now = await host.call(token, "GET", `/api/campaigns/${made.id}`);
  assert.equal(now.custom_context, "Theirs");

  await host.call(token, "POST", `/api/campaigns/${made.id}/execute`, { test_mode: true });
  await page.getByText("This campaign has begun").waitFor();
  assert.equal(await page.locator("form.campaign-form").count(), 0);
  await window.close();
});

test("an answer that got lost makes no second campaign", async () => {
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, "/campaigns/new");
  await page.locator("input[name=name]").fill("Once");
  let lost = 0;
  await page.route("**/api/campaigns", async (route) => {
    if (route.request().method() !== "POST" || lost > 0) return route.fallback();
    lost += 1;
    // The host does it, and nobody hears of it.
    await route.fetch();
    return route.abort();
  });
  await save(page);
  await page.getByText("The host does not answer").waitFor();
  assert.equal(await page.locator("input[name=name]").inputValue(), "Once");
  await save(page);
  await heading(page, "Once");
  assert.equal((await named("Once")).length, 1);
  await page.context().close();
});

/** Goes from one control to the next until one has this name. */
async function tabTo(page, selector) {
  for (let step = 0; step < 60; step += 1) {
    await page.keyboard.press("Tab");
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
  }
  assert.fail(`${selector} is not reached`);
}

test("a campaign of birthdays is built without a mouse, and copied", async () => {
  const expected = [];
  const window = await open(browser, host, {}, expected);
  const { page } = window;
  await page.goto("/campaigns/new");
  await page.locator("input[name=email]").waitFor();
  await tabTo(page, "input[name=email]");
  await page.keyboard.type(ADMIN);
  await tabTo(page, "input[name=password]");
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press("Enter");
  await page.locator("input[name=name]").waitFor();
  await tabTo(page, "input[name=name]");
  await page.keyboard.type("Birthdays");
  await tabTo(page, "input[name=when]");
  // Along the choices.
  for (let step = 0; step < 3; step += 1) await page.keyboard.press("ArrowRight");
  await page.locator("input[name=when][value=date]:checked:focus").waitFor();
  await tabTo(page, "select[name=side]");
  await page.keyboard.press("ArrowDown");
  await tabTo(page, "input[name=offset]");
  await page.keyboard.press("Control+a");
  await page.keyboard.type("3");
  await tabTo(page, "input[name=quiet]");
  await page.keyboard.press("Space");
  await tabTo(page, "input[name=holidays][value=uz]");
  await page.keyboard.press("Space");
  await tabTo(page, "input[name=compared]");
  await page.keyboard.press("Space");
  await tabTo(page, "[data-arm='1'] button");
  await page.keyboard.press("Enter");
  // What is gone does not take the focus along.
  await page.waitForFunction(() => document.activeElement?.textContent === "Add a variant");
  await tabTo(page, "button[type=submit]");
  await page.keyboard.press("Enter");
  await heading(page, "Birthdays");
  const [made] = await named("Birthdays");
  assert.deepEqual(
    [made.schedule_type, made.date_field, made.offset_days, made.sending_times.holidays],
    ["date", "birthday", -3, ["uz"]],
  );
  assert.deepEqual(made.sending_times.quiet_hours, { from: "21:00", until: "09:00" });
  assert.equal(made.variants.arms.length, 1);

  await tabTo(page, "[data-choice=copy]");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.locator("input[name=name]:focus").waitFor();
  assert.equal(await dialog.locator("input[name=name]").inputValue(), "Birthdays (copy)");
  await page.keyboard.press("Enter");
  await heading(page, "Birthdays (copy)");
  const [copied] = await named("Birthdays (copy)");
  assert.deepEqual([copied.status, copied.offset_days, copied.variants], ["draft", -3, made.variants]);

  // The stream of events may tell of its end before the answer does: the screen then asks for what is gone.
  const its = `404 /api/campaigns/${copied.id}`;
  expected.push(its, `${its}/plan`, `${its}/cost`, "404 /api/budgets", "404 /api/usage");
  await page.locator("[data-choice=delete]").waitFor();
  await tabTo(page, "[data-choice=delete]");
  await page.keyboard.press("Enter");
  await page.getByRole("alertdialog").waitFor();
  await tabTo(page, "[role=alertdialog] .button-danger");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Campaigns" }).waitFor();
  assert.equal((await named("Birthdays (copy)")).length, 0);
  await window.close();
});

test("a plan is drawn by the recipients' hours, its reasons counted, its variants compared", async () => {
  await host.people(token, "many", 120);
  const far = { name: "Far", email: "far@example.com", segment: "many", language: "ru" };
  await host.call(token, "POST", "/api/contacts", { ...far, time_zone: "America/New_York" });
  for (const name of ["Mute", "Silent"])
    await host.call(token, "POST", "/api/contacts", { name, segment: "many", language: "ru" });
  const { id } = await host.call(token, "POST", "/api/campaigns", {
    name: "Drawn",
    occasion_type: "holiday",
    segment_filter: { segment: "many" },
    schedule_type: "scheduled",
    scheduled_at: "2031-03-03T04:00:00Z",
    variants: { holdout_permille: 100, arms: [{ name: "plain" }, { name: "warm", tone: "warm" }] },
  });
  await host.call(token, "POST", `/api/campaigns/${id}/execute`, {});
  const lines = [];
  await until(
    "the plan",
    () => host.call(token, "GET", `/api/campaigns/${id}`),
    (now) => now.stats.generated_count > 90,
  );
  for (let skip = 0; skip < 123; skip += 100) {
    const page = await host.call(token, "GET", `/api/campaigns/${id}/plan?limit=100&skip=${skip}`);
    lines.push(...page.items);
  }
  assert.equal(lines.length, 123);
  const held = lines.filter((one) => one.reason === "holdout").length;
  const nine = lines.filter((one) => one.local_time === "2031-03-03T09:00:00").length;
  assert.ok(held > 0 && nine > 80);

  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, ADMIN, `/campaigns/${id}`);
  await page.locator(`[data-heat="2031-03-03 9"]`).waitFor();
  // Nine in Tashkent is the evening before in New York.
  const there = lines.find((one) => one.contact_name === "Far");
  if (!there.excluded) await page.locator(`[data-heat="2031-03-02 23"]`).waitFor();
  assert.match(
    await page.locator("[data-heat-said]").innerText(),
    new RegExp(`Busiest: Mar 3, 2031 at 09:00, ${nine}\\.$`, "u"),
  );
  await page.locator(`[data-heat="2031-03-03 9"]`).hover();
  await page.locator("[data-heat-said]", { hasText: `Mar 3, 2031, 09:00: ${nine}` }).waitFor();
  await page.getByText("As a table").click();
  await page.getByRole("row", { name: `Mar 3, 2031 09:00 (${nine})` }).waitFor();
  assert.equal(await page.locator("[data-reason=holdout] td").innerText(), String(held));
  assert.equal(await page.locator("[data-reason=no_address] td").innerText(), "2");
  assert.equal(await page.locator("[data-heat-part]").count(), 0);

  // Nothing was decided: nothing is claimed. One rejected text is counted, and proves nothing.
  await page.locator("[data-compared=rejected]").getByText("plain: nothing was decided yet").waitFor();
  const path = `/api/messages?campaign_id=${id}&status=pending_approval&limit=1`;
  const { items } = await host.call(token, "GET", path);
  await host.call(token, "POST", `/api/messages/${items[0].id}/reject`, { reason: "not now" });
  const { variants } = await until(
    "a rejection",
    () => host.call(token, "GET", `/api/campaigns/${id}/experiment`),
    (now) => now.variants.some((one) => one.rejected_count === 1),
  );
  const arm = variants.find((one) => one.rejected_count === 1);
  await page.locator("[data-compared=rejected]").getByText(`${arm.name}: 100% (between`).waitFor();
  await page.getByText("warm and plain cannot be told apart yet.").first().waitFor();
  const row = page.locator(`[data-variant=${arm.name}] td`);
  assert.equal(await row.nth(0).innerText(), String(arm.generated_count));
  assert.equal(await row.nth(3).innerText(), "1");
  await page.getByText("10% get nothing, to be compared with.").waitFor();
  await sound(page, "the figures");
  await window.shot("campaign-figures");
  await window.close();
});

test("a winner is named once it is certain, and so is what is worse", async () => {
  const [made] = await named("Drawn");
  const arms = ["plain", "warm", "short"];
  const rate = (variant, rate) => ({ variant, rate, low: rate - 0.05, high: rate + 0.05 });
  const window = await open(browser, host);
  const { page } = window;
  await page.route(`**/api/campaigns/${made.id}/experiment`, (route) =>
    route.fulfill({
      json: {
        holdout_permille: 0,
        variants: arms.map((name) => ({
          name,
          generated_count: 900,
          decided_count: 800,
          edited_count: 240,
          rejected_count: 40,
          sent_count: 700,
          failed_count: 0,
        })),
        edited: {
          rates: arms.map((name, index) => rate(name, [0.5, 0.2, 0.7][index])),
          differences: [
            { variant: "warm", difference: -0.3, low: -0.405, high: -0.195, p_value: 0.0001 },
            { variant: "short", difference: 0.2, low: 0.1, high: 0.3, p_value: 0.05 },
          ],
          winner: "warm",
        },
        rejected: {
          rates: arms.map((name) => rate(name, 0.05)),
          differences: [
            { variant: "warm", difference: 0, low: -0.1, high: 0.1, p_value: 1 },
            { variant: "short", difference: 0.2, low: 0.1, high: 0.3, p_value: 0.2 },
          ],
          winner: null,
        },
      },
    }),
  );
  await signIn(page, ADMIN, `/campaigns/${made.id}`);
  const edited = page.locator("[data-compared=edited]");
  await edited.getByText("warm certainly has fewer than plain: by 19.5 to 40.5 percentage points.").waitFor();
  await edited.getByText("short certainly has more than plain: by 10 to 30 percentage points.").waitFor();
  await edited.locator(".notice-good", { hasText: "warm is better." }).waitFor();
  await edited.getByText("plain: 50% (between 45% and 55%)").waitFor();
  const rejected = page.locator("[data-compared=rejected]");
  assert.equal(await rejected.locator("[data-verdict=open]").count(), 2);
  assert.equal(await rejected.locator(".notice").count(), 0);
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await window.close();
});

test("a plan that is too long to draw says how much of it is drawn", async () => {
  const made = await host.campaign(token, "Long", "spring");
  await host.call(token, "POST", `/api/campaigns/${made.id}/execute`, { test_mode: true });
  const { items } = await until(
    "the plan",
    () => host.call(token, "GET", `/api/campaigns/${made.id}/plan`),
    (now) => now.total === 4,
  );
  const window = await open(browser, host);
  const { page } = window;
  let asked = 0;
  await page.route(`**/api/campaigns/${made.id}/plan?*`, (route) => {
    const large = new URL(route.request().url()).searchParams.get("limit") === "100";
    if (large) asked += 1;
    // A day for each of the 20 pages, and a few more days than are drawn.
    const lines = Array.from({ length: large ? 100 : 10 }, (_, index) => ({
      ...items[0],
      occurrence: `${asked} ${index}`,
      local_time: `2031-0${(asked % 2) + 1}-${String((asked % 10) * 2 + (index % 2) + 1).padStart(2, "0")}T10:00:00`,
    }));
    return route.fulfill({
      json: { items: lines, total: 5000, skip: 0, limit: lines.length, next_cursor: items[0].contact_id },
    });
  });
  await signIn(page, ADMIN, `/campaigns/${made.id}`);
  await page
    .locator("[data-heat-part]", { hasText: "Of the first 2,000 lines of the plan, which has 5,000." })
    .first()
    .waitFor();
  assert.equal(asked, 20);
  await page.locator(".heat-place svg").waitFor();
  const [drawn, seen] = await page.evaluate(() =>
    [".heat-place svg", ".heat-place"].map(
      (one) => document.querySelector(one).getBoundingClientRect().height,
    ),
  );
  // None of it is cut off.
  assert.ok(drawn > 400 && drawn <= seen, `${drawn} px in ${seen}`);
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await window.close();
});

test("on a phone, in every language and in the dark, nothing is wider than the screen", async () => {
  const made = await host.call(token, "POST", "/api/campaigns", {
    name: "Everything at once, with a long name that has to be wrapped somewhere",
    occasion_type: "holiday",
    segment_filter: "segment = spring and not (tag = gold or tag = silver) and has email",
    schedule_type: "date",
    date_field: "ends_on",
    offset_days: 14,
    fallback_channels: ["sms", "telegram", "whatsapp"],
    sending_times: { quiet_hours: { from: "21:00", until: "09:00" }, holidays: ["uz", "ru"] },
    variants: { holdout_permille: 50, arms: [{ name: "one" }, { name: "two", tone: "formal" }] },
  });
  for (const language of ["en", "ru", "uz-Latn", "uz-Cyrl"]) {
    const options = { language, theme: language === "ru" ? "dark" : "light", viewport: PHONE };
    const window = await open(browser, host, options);
    const { page } = window;
    await signIn(page, ADMIN, `/campaigns/${made.id}/edit`);
    await page.locator(".people-counted").waitFor();
    await fits(page, `edit ${language}`);
    await sound(page, `edit ${language}`);
    await window.shot(`builder-phone-${language}`);
    await page.locator("input[name=when][value=recurring]").check();
    await fits(page, `weekly ${language}`);
    await page.locator("select[name=repeat]").selectOption("rule");
    await fits(page, `rule ${language}`);
    await page.locator("input[name=when][value=scheduled]").check();
    await fits(page, `a day ${language}`);
    await page.locator("input[name=text][value=template]").check();
    await fits(page, `template ${language}`);
    const [drawn] = await named("Drawn");
    await page.goto(`/campaigns/${drawn.id}`);
    await page.locator("[data-heat]").first().waitFor();
    await fits(page, `figures ${language}`);
    await sound(page, `figures ${language}`);
    await window.shot(`figures-phone-${language}`);
    await window.close();
  }
});

test("a viewer sees all of it, and changes nothing", async () => {
  const viewer = {
    email: "viewer@salon.example",
    full_name: "Только смотрит",
    password: PASSWORD,
    role: "viewer",
  };
  await host.call(token, "POST", "/api/auth/register", viewer);
  const [made] = await named("Drawn");
  const window = await open(browser, host);
  const { page } = window;
  await signIn(page, viewer.email, `/campaigns/${made.id}`);
  await page.locator("[data-heat]").first().waitFor();
  await page.locator("[data-compared=edited]").waitFor();
  assert.equal(await page.locator("[data-action], [data-choice]").count(), 0);
  const [draft] = await named("Contracts");
  await page.goto(`/campaigns/${draft.id}/edit`);
  await page.locator(".notice-warn").waitFor();
  assert.equal(await page.locator("form.campaign-form").count(), 0);
  await page.goto("/campaigns/new");
  await page.locator(".notice-warn").waitFor();
  assert.equal(await page.locator("form.campaign-form").count(), 0);
  await window.close();
});
