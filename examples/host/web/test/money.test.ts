import { expect, test } from "vitest";

import { dollars, less, picodollars, shown, sum, thousandths } from "../src/money";

test("every digit of an amount is kept", () => {
  expect(picodollars("0.000000000001")).toBe(1n);
  expect(picodollars("25")).toBe(25_000_000_000_000n);
  // As floating-point numbers these two are one.
  expect(picodollars("9007199254.740993000001")).toBe(9007199254740993000001n);
  for (const wrong of ["", "-1", "1.", ".5", "1e3", "1,5", "0.0000000000001"]) {
    expect(picodollars(wrong)).toBeNull();
  }
});

test("an amount is written as its readers write it, with every digit", () => {
  expect(shown("0.000732", "en")).toBe("$0.000732");
  expect(shown("9007199254.740993000001", "en")).toBe("$9,007,199,254.740993000001");
  expect(shown("0.00", "en")).toBe("$0.00");
  expect(shown("1234.5", "ru").replace(/\s/gu, " ")).toBe("1 234,50 $");
  expect(shown("soon", "en")).toBe("soon");
});

test("shares are whole thousandths and stay within the whole", () => {
  expect(thousandths("1.00", "3.00")).toBe(333);
  expect(thousandths("4.00", "3.00")).toBe(1000);
  expect(thousandths("0.000000000001", "25.00")).toBe(1);
  expect(thousandths("0.00", "0.00")).toBe(0);
});

test("sums are exact and written as the host writes them", () => {
  expect(dollars(0n)).toBe("0.00");
  expect(dollars(1n)).toBe("0.000000000001");
  expect(dollars(12_500_000_000_000n)).toBe("12.50");
  expect(sum(["0.1", "0.2"])).toBe("0.30");
  expect(sum(["0.000000000001", "9007199254.740993"])).toBe("9007199254.740993000001");
  expect(sum([])).toBe("0.00");
  expect(sum(["1.00", "?"])).toBeNull();
  expect(less("0.3", "0.30")).toBe(false);
  expect(less("2.00", "10.00")).toBe(true);
});
