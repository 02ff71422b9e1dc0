// A real browser, and an ear for what goes wrong in it: errors, refusals of the policy, requests to elsewhere.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { delimiter, join, sep } from "node:path";
import process from "node:process";

import { chromium } from "playwright-core";

import { PASSWORD } from "./host.js";

const SHOTS = process.env.CRM_SCREENSHOTS;
export const PHONE = { width: 360, height: 740 };

/** The browser's program: a path, or a name on the search path. */
function program() {
  const named = process.env.CRM_CHROMIUM || "chromium";
  if (named.includes(sep)) return named;
  const places = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, named));
  return places.find((place) => existsSync(place)) ?? named;
}

export async function startBrowser() {
  // Chromium's own sandbox does not start for root, as in a container.
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: program(), args });
}

/** A new window of a new person. `expected` are refusals that the test provokes, as status and path. */
export async function open(browser, host, options = {}, expected = []) {
  const { language, theme, ...rest } = options;
  const context = await browser.newContext({
    baseURL: host.url,
    locale: "en-US",
    timezoneId: "Asia/Tashkent",
    viewport: { width: 1280, height: 900 },
    reducedMotion: "reduce",
    ...rest,
  });
  context.setDefaultTimeout(60_000);
  if (language || theme) {
    await context.addInitScript(
      ([language, theme]) => {
        if (language) window.localStorage.setItem("crm.language", language);
        if (theme) window.localStorage.setItem("crm.theme", theme);
      },
      [language, theme],
    );
  }
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    // A refused request is told by its answer below, with its address.
    if (message.type() === "error" && !text.startsWith("Failed to load resource")) wrong.push(text);
    if (message.type() === "warning") wrong.push(text);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(`${host.url}/`)) wrong.push(`outside: ${request.url()}`);
  });
  page.on("response", (response) => {
    const what = `${response.status()} ${new URL(response.url()).pathname}`;
    if (response.status() >= 400 && !expected.includes(what)) wrong.push(what);
  });
  return {
    page,
    context,
    /** The whole page, or what is seen of it where something lies above. */
    async shot(name, fullPage = true) {
      if (!SHOTS) return;
      await mkdir(SHOTS, { recursive: true });
      await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage });
    },
    async close() {
      await context.close();
      assert.deepEqual(wrong, []);
    },
  };
}

export async function signIn(page, email, path = "/campaigns") {
  await page.goto(path);
  await page.locator("input[name=email]").fill(email);
  await page.locator("input[name=password]").fill(PASSWORD);
  await page.locator("button[type=submit]").click();
  await page.locator("#main").waitFor();
}

/** Nothing is wider than the window. */
export async function fits(page, what) {
  const [inner, outer] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.ok(inner <= outer, `${what}: ${inner} px in a window of ${outer}`);
}
