import { expect, test } from "vitest";

import { birthdayOf, birthdayParts, changesOf, customFields, customValue, moved } from "../src/people/body";
import { exportPath } from "../src/people/export";
import { customName } from "../src/people/import/mapping";
import { peek, rowsOf } from "../src/people/import/peek";
import { differs, together } from "../src/people/merging";
import { changed, filterOf, isFiltered, misunderstood, peopleSearch, savedText } from "../src/people/search";
import type { Contact } from "../src/people/words";

const ID = "01a220da-d00f-703f-8c8f-8d4d6015f75b";

function contact(fields: Partial<Contact>): Contact {
  return {
    id: ID,
    name: "Анна",
    segment: "VIP",
    language: "ru",
    tags: [],
    custom_fields: {},
    preferred_channels: [],
    consent: [],
    version: 3,
    created_by: "a",
    created_at: "2026-01-01T00:00:00Z",
    updated_at: "2026-01-01T00:00:00Z",
    ...fields,
  };
}

test("an address holds a filter, and nothing else gets through", () => {
  const given = {
    search: "Анна",
    tag: 7,
    birthday: true,
    after: [ID, "x"],
    segment: "",
    audience: ["a"],
    skip: 3,
  };
  const search = peopleSearch(given);
  expect(search).toEqual({ search: "Анна", tag: "7", birthday: true, after: [ID] });
  expect(filterOf(search)).toEqual({ search: "Анна", tag: "7", has_birthday_this_month: true });
  expect(changed(search, { tag: undefined })).toEqual({ search: "Анна", birthday: true });
  expect(isFiltered({ after: [ID], erased: true })).toBe(false);
  expect(isFiltered({ audience: "tag = a" })).toBe(true);
});

test("an export asks for what the list shows", () => {
  const wish = { format: "csv", encoding: "windows-1251", separator: ";", all: false } as const;
  const search = { search: "Анна & Ко", birthday: true, after: [ID] } as const;
  const path = exportPath({ ...search, after: [...search.after] }, wish);
  const query = new URL(path, "http://host").searchParams;
  expect(Object.fromEntries(query)).toEqual({
    search: "Анна & Ко",
    has_birthday_this_month: "true",
    format: "csv",
    encoding: "windows-1251",
    separator: ";",
  });
  expect(exportPath({ search: "Анна" }, { ...wish, format: "excel", all: true })).toBe(
    "/api/contacts/export?excel=true",
  );
});

test("the host's word about an audience is a place in it", () => {
  expect(misunderstood("at character 15: expected and")).toEqual({ at: 14, what: "expected and" });
  expect(misunderstood("it is too long")).toBeNull();
  expect(savedText('Gold "club" \\ a')).toBe('saved "Gold \\"club\\" \\\\ a"');
});

test("a birthday may have no year", () => {
  expect(birthdayOf("", "", "")).toBeNull();
  expect(birthdayOf("5", "3", "")).toBe("--03-05");
  expect(birthdayOf("5", "3", "1990")).toBe("1990-03-05");
  expect(birthdayParts("--03-05")).toEqual({ day: "5", month: "3", year: "" });
  expect(birthdayParts("1990-12-31")).toEqual({ day: "31", month: "12", year: "1990" });
});

test("only what was changed is sent, beside what somebody else changed", () => {
  const before = contact({ company: "Чинор", custom_fields: { level: "gold", visits: 7, size: "M" } });
  const body = { name: "Анна", company: "Bank", email: null, tags: [] };
  expect(changesOf(body, before)).toEqual({ company: "Bank" });
  const shown = new Map<string, string | number | null>([
    ["level", "silver"],
    ["visits", 7],
    ["size", null],
  ]);
  const after = customFields(before.custom_fields, shown);
  expect(after).toEqual({ level: "silver", visits: 7 });
  expect(moved(before.custom_fields, after, { level: "gold", visits: 8, size: "M", other: 1 })).toEqual({
    level: "silver",
    visits: 8,
    other: 1,
  });
  expect(customValue("7", "number")).toBe(7);
  // More digits than a number here can hold stay a text, which the host judges.
  expect(customValue("12345678901234567890", "number")).toBe("12345678901234567890");
  expect(customValue("007", "text")).toBe("007");
  expect(customValue("false", "boolean")).toBe(false);
});

test("two contacts are put together as the host does it", () => {
  const kept = contact({
    email: "a@x.uz",
    tags: ["b"],
    custom_fields: { level: 1 },
    preferred_channels: ["sms"],
  });
  const gone = contact({
    name: "Анна П",
    email: "b@x.uz",
    phone: "+998901234567",
    tags: ["a", "b"],
    custom_fields: { level: 2, size: "M" },
    preferred_channels: ["email", "sms"],
  });
  expect(differs(kept, gone, "email")).toBe(true);
  expect(differs(kept, gone, "phone")).toBe(false);
  const plain = together(kept, gone, new Set());
  expect([plain.name, plain.email, plain.phone]).toEqual(["Анна", "a@x.uz", "+998901234567"]);
  expect(plain.custom_fields).toEqual({ level: 1, size: "M" });
  expect([plain.tags, plain.preferred_channels]).toEqual([
    ["a", "b"],
    ["sms", "email"],
  ]);
  const chosen = together(kept, gone, new Set(["email", "custom_fields", "company"] as const));
  expect([chosen.email, chosen.company]).toEqual(["b@x.uz", kept.company]);
  expect(chosen.custom_fields).toEqual({ level: 2, size: "M" });
});

test("the beginning of a table is read as it stands", async () => {
  expect(rowsOf('a;"b;""c"""\r\n\r\n"x\ny";2\r\n', ";")).toEqual([
    ["a", 'b;"c"'],
    ["x\ny", "2"],
  ]);
  const bytes = (text: string) =>
    Uint8Array.from([...text].map((one) => CP1251.get(one) ?? one.charCodeAt(0)));
  const file = new Blob([bytes("Имя;Тел\r\nАнна;1\r\nОльга;\r\n")]);
  const found = await peek(file, "windows-1251", ";", ["Имя", "Тел"]);
  expect(found?.columns).toEqual(["Имя", "Тел"]);
  expect(found?.cells.get("Имя")).toEqual(["Анна", "Ольга"]);
  expect(found?.cells.get("Тел")).toEqual(["1"]);
  expect(await peek(file, "windows-1251", ";", ["Имя", "Почта"])).toBeNull();
  expect(await peek(file, "no-such", ";", ["Имя"])).toBeNull();
});

const CP1251 = new Map(
  [..."АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя"].map((one, at) => [one, 0xc0 + at]),
);

test("a custom field gets a name of the column where that is possible", () => {
  expect(customName("Loyalty Card №")).toBe("loyalty_card_no");
  expect(customName("Скидка")).toBe("field");
  expect(customName("2nd phone")).toBe("nd_phone");
});
