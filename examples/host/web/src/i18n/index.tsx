// The language of the page: which one, and how it writes texts, counts, amounts and times.
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from "react";

import { shown } from "../money";
import type { Catalogue, Counted, Text } from "./catalogue";
import { en } from "./en";
import { formats } from "./formats";
import { ru } from "./ru";
import { uzCyrl } from "./uz-cyrl";
import { uzLatn } from "./uz-latn";

export const LANGUAGES = {
  en: { name: "English", catalogue: en },
  ru: { name: "Русский", catalogue: ru },
  "uz-Latn": { name: "Oʻzbekcha", catalogue: uzLatn },
  "uz-Cyrl": { name: "Ўзбекча", catalogue: uzCyrl },
} satisfies Record<string, { name: string; catalogue: Catalogue }>;

export type Language = keyof typeof LANGUAGES;
type Values = Record<string, string>;

const KEY = "crm.language";

export function isLanguage(text: string | null): text is Language {
  return text !== null && text in LANGUAGES;
}

function initial(): Language {
  const chosen = document.documentElement.lang;
  let stored: string | null = null;
  try {
    stored = localStorage.getItem(KEY);
  } catch {
    stored = chosen;
  }
  if (isLanguage(stored)) return stored;
  for (const wanted of navigator.languages) {
    const tag = wanted.toLowerCase();
    if (tag.startsWith("uz")) return tag.includes("cyrl") ? "uz-Cyrl" : "uz-Latn";
    if (tag.startsWith("ru")) return "ru";
    if (tag.startsWith("en")) return "en";
  }
  return "en";
}

/** `text` with values in place of `{names}`. */
export function fill(text: Text, values: Values): string {
  return text.replace(/\{(\w+)\}/gu, (whole, name: string) => values[name] ?? whole);
}

function tools(language: Language) {
  const plurals = new Intl.PluralRules(language);
  const here = formats(language);
  const wall = formats(language, "UTC");
  const numbers = new Intl.NumberFormat(here.numbers);
  return {
    language,
    t: LANGUAGES[language].catalogue,
    fill,
    number: (n: number) => numbers.format(n),
    count: (n: number, words: Counted) =>
      fill(words[plurals.select(n)] ?? words.other, { n: numbers.format(n) }),
    money: (amount: string) => shown(amount, here.numbers),
    /** An instant, by the clock of whoever reads it. */
    moment: (instant: string) => here.moment(new Date(instant)),
    day: (instant: string) => here.day(new Date(instant)),
    /** A day of every year, at any time of it in UTC. */
    dayOfMonth: (instant: string) => wall.dayOfMonth(new Date(instant)),
    /** A wall time without a zone, as it stands. */
    wall: (local: string) => wall.moment(new Date(`${local}Z`)),
  };
}

export type Say = ReturnType<typeof tools> & { choose: (language: Language) => void };

const Context = createContext<Say | null>(null);

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(initial);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const say = useMemo<Say>(
    () => ({
      ...tools(language),
      choose: (next) => {
        setLanguage(next);
        try {
          localStorage.setItem(KEY, next);
        } catch {
          // Then it holds until the page is left.
        }
      },
    }),
    [language],
  );
  return <Context value={say}>{children}</Context>;
}

export function useSay(): Say {
  const say = useContext(Context);
  if (!say) throw new Error("no language is chosen");
  return say;
}

/** A word for a code that may be one the page does not know: then the code itself. */
export function word(words: Record<string, string>, code: string): string {
  return Object.hasOwn(words, code) ? (words[code] ?? code) : code;
}
