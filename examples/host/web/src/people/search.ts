// What the list of contacts shows, as its address keeps it.

/** The languages of contacts that the engine writes in. */
export const CONTACT_LANGUAGES = { ru: "Русский", en: "English", uz: "Oʻzbekcha", "uz-Cyrl": "Ўзбекча" };
/** Segments that are always offered. */
export const SEGMENTS = ["VIP", "regular", "new_client", "partner"];

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u;
const TEXTS = ["search", "segment", "language", "tag", "audience"] as const;
type TextName = (typeof TEXTS)[number];

export interface PeopleSearch extends Partial<Record<TextName, string>> {
  birthday?: true;
  /** Somebody was erased just before. */
  erased?: true;
  /** The cursors of the pages that were turned, the shown one's last. */
  after?: string[];
}

/** What stands in an address; anything else in it is left out. */
export function peopleSearch(given: Record<string, unknown>): PeopleSearch {
  const found: PeopleSearch = {};
  for (const name of TEXTS) {
    const value = given[name];
    // A number in an address is a text that looks like one.
    const text = typeof value === "string" || typeof value === "number" ? String(value) : "";
    if (text) found[name] = text;
  }
  if (given.birthday === true) found.birthday = true;
  if (given.erased === true) found.erased = true;
  if (Array.isArray(given.after)) {
    const after = given.after.filter((one): one is string => typeof one === "string" && ID.test(one));
    if (after.length > 0) found.after = after;
  }
  return found;
}

/** Changes the filter, and begins at the first page. */
export function changed(
  before: PeopleSearch,
  change: { [K in keyof PeopleSearch]: PeopleSearch[K] | undefined },
) {
  return peopleSearch({ ...before, after: undefined, erased: undefined, ...change });
}

export function isFiltered(search: PeopleSearch): boolean {
  return search.birthday === true || TEXTS.some((name) => search[name] !== undefined);
}

/** The filter as the API takes it, for the list and for an export alike. */
export function filterOf(search: PeopleSearch) {
  const { birthday, ...texts } = search;
  delete texts.after;
  delete texts.erased;
  return { ...texts, ...(birthday ? { has_birthday_this_month: true } : {}) };
}

/** A saved audience as a text. */
export function savedText(name: string): string {
  return `saved "${name.replace(/["\\]/gu, "\\$&")}"`;
}

/** The place (from 0, in characters) at which the host stopped understanding an audience, and what it says of it. */
export function misunderstood(message: string): { at: number; what: string } | null {
  const found = /^at character (\d+): (.*)$/su.exec(message);
  if (!found) return null;
  return { at: Number(found[1]) - 1, what: found[2] ?? "" };
}
