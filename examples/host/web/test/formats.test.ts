import { expect, test } from "vitest";

import { formats } from "../src/i18n/formats";
import { shown } from "../src/money";

const AT = new Date("2026-11-07T00:05:00Z");

test("Uzbek dates are written in words that every browser has", () => {
  const { moment, day, numbers } = formats("uz-Latn", "UTC");
  expect(moment(AT)).toBe("7-noy, 2026, 00:05");
  expect(day(AT)).toBe("7-noy, 2026");
  expect(shown("1234.5", numbers).replace(/\s/gu, " ")).toBe("1 234,50 $");
  expect(formats("uz-Latn", "Asia/Tashkent").moment(AT)).toBe("7-noy, 2026, 05:05");
});

test("other languages are written as browsers write them", () => {
  expect(formats("en", "UTC").day(AT)).toBe("Nov 7, 2026");
  expect(formats("ru", "UTC").day(AT)).toMatch(/^7 нояб/u);
  expect(formats("uz-Cyrl", "UTC").day(AT)).toMatch(/^7 ноя/u);
});
