// Single keys, wherever the focus is but in a field. Letters are found by their place, too: on a Russian or Uzbek
// keyboard the key that says "a" elsewhere is the same one.
import { useEffect, useRef } from "react";

export type Key =
  | "j"
  | "k"
  | "a"
  | "e"
  | "r"
  | "g"
  | "s"
  | "u"
  | "x"
  | "X"
  | "d"
  | "/"
  | "?"
  | "Escape"
  | "ArrowDown"
  | "ArrowUp";

type Pressed = Pick<KeyboardEvent, "key" | "code" | "shiftKey">;

/** The key that was meant. */
export function meant({ key, code, shiftKey }: Pressed): string {
  if (key.length > 1 || key === "/" || key === "?") return key;
  if (/^[a-z]$/iu.test(key)) return shiftKey ? key.toUpperCase() : key.toLowerCase();
  const letter = /^Key([A-Z])$/u.exec(code)?.[1];
  if (letter) return shiftKey ? letter : letter.toLowerCase();
  if (code === "Slash") return shiftKey ? "?" : "/";
  return key;
}

function writes(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox])"))
  );
}

/** Where the arrows move the text that is read. */
function scrolls(target: EventTarget | null, key: string): boolean {
  return key.startsWith("Arrow") && target instanceof HTMLElement && target.matches("[role=region]");
}

/** What lies above the page has keys of its own. */
function covered(): boolean {
  return document.querySelector("[role=dialog], [role=alertdialog], [role=menu]") !== null;
}

/** Held down, these alone go on and on: nothing is decided by a key that is stuck. */
const REPEATS = new Set(["j", "k", "ArrowDown", "ArrowUp"]);

export function useKeys(keys: Partial<Record<Key, () => void>>): void {
  const now = useRef(keys);
  useEffect(() => {
    now.current = keys;
  });
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (writes(event.target) || covered()) return;
      const key = meant(event);
      const act = Object.hasOwn(now.current, key) ? now.current[key as Key] : undefined;
      if (!act || scrolls(event.target, key) || (event.repeat && !REPEATS.has(key))) return;
      event.preventDefault();
      act();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}
