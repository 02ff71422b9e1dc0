import { expect, test } from "vitest";

import type { Counted } from "../src/i18n/catalogue";
import { en } from "../src/i18n/en";
import { fill, LANGUAGES } from "../src/i18n";

type Tree = { [key: string]: string | Tree };

/** Words that follow a number are in branches of this name, each area of the page with its own. */
const COUNTED = /(?:^|\.)counted(?:\.|$)/u;

function leaves(tree: Tree, path: string, found: Map<string, string>): Map<string, string> {
  for (const [key, value] of Object.entries(tree)) {
    const here = path ? `${path}.${key}` : key;
    if (typeof value === "string") found.set(here, value);
    else leaves(value, here, found);
  }
  return found;
}

/** All words that follow a number, by where they are. */
function counted(tree: Tree, path = ""): [string, Counted][] {
  return Object.entries(tree).flatMap(([key, value]): [string, Counted][] => {
    if (typeof value === "string") return [];
    const here = path ? `${path}.${key}` : key;
    if (key !== "counted") return counted(value, here);
    return Object.entries(value).map(([name, words]) => [`${here}.${name}`, words as unknown as Counted]);
  });
}

const names = (text: string) => (text.match(/\{\w+\}/gu) ?? []).sort();

test("every text of every language takes the values that the English one takes", () => {
  const english = leaves(en as unknown as Tree, "", new Map());
  for (const [language, { catalogue }] of Object.entries(LANGUAGES)) {
    const texts = leaves(catalogue as unknown as Tree, "", new Map());
    for (const [path, text] of english) {
      if (COUNTED.test(path)) continue;
      const own = texts.get(path) ?? "";
      expect(own.trim(), `${language} ${path}`).not.toBe("");
      expect(names(own), `${language} ${path}`).toEqual(names(text));
    }
  }
});

test("every language counts with every plural class that it has", () => {
  for (const [language, { catalogue }] of Object.entries(LANGUAGES)) {
    const classes = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    const all = counted(catalogue as unknown as Tree);
    expect(all.map(([path]) => path)).toContain("inbox.counted.drafts");
    for (const [path, words] of all) {
      for (const one of classes) {
        // Uzbek nouns have no plural after a number.
        const given = words[one] ?? (language.startsWith("uz") ? words.other : undefined);
        expect(given, `${language} ${path} ${one}`).toContain("{n}");
      }
    }
  }
});

test("scripts are not mixed up", () => {
  const script = { ru: /\p{Script=Cyrillic}/u, "uz-Cyrl": /\p{Script=Cyrillic}/u };
  for (const [language, pattern] of Object.entries(script)) {
    const { catalogue } = LANGUAGES[language as keyof typeof script];
    expect(catalogue.signIn.hint).toMatch(pattern);
  }
  for (const text of leaves(LANGUAGES["uz-Latn"].catalogue as unknown as Tree, "", new Map()).values()) {
    expect(text).not.toMatch(/\p{Script=Cyrillic}/u);
  }
});

test("values stand in place of their names, and are not read again", () => {
  expect(fill("{a} of {b}", { a: "{b}", b: "2" })).toBe("{b} of 2");
  expect(fill("{a}", {})).toBe("{a}");
});
