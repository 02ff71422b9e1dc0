// What tests of the inbox do again and again.
import { until } from "./host.js";

/** Until the open draft is shown, and was shown long enough to be decided about. */
export async function ready(page, id) {
  const one = id ? `[data-detail="${id}"] [data-ready=true]` : "[data-ready=true]";
  await page.locator(one).waitFor();
}

export const open = (page) => page.locator("[data-detail]").getAttribute("data-detail");

export const listed = (page) =>
  page.locator(".drafts > li").evaluateAll((lines) => lines.map((line) => line.dataset.id));

/** Opens the draft by the mouse. */
export async function choose(page, id) {
  await page.locator(`.draft[data-id="${id}"] .draft-link`).click();
  await ready(page, id);
}

/** Somebody with a draft that waits. */
export async function draft(host, token, fields = {}) {
  const { name = "Анна Каримова", email, content = "Спасибо за визит! Ждём вас снова.", ...rest } = fields;
  const person = { name, email, phone: "+998901234567", language: "ru", time_zone: "Asia/Tashkent" };
  const contact = await host.call(token, "POST", "/api/contacts", person);
  const body = { contact_id: contact.id, occasion_type: "custom", content, channel: "email", ...rest };
  const made = await host.call(token, "POST", "/api/messages", body);
  return host.call(token, "POST", `/api/messages/${made.id}/submit`, {});
}

export const message = (host, token, id) => host.call(token, "GET", `/api/messages/${id}`);

/** Until the host has the message in that status. */
export function becomes(host, token, id, status) {
  return until(
    `message ${status}`,
    () => message(host, token, id),
    (now) => now.status === status,
  );
}
