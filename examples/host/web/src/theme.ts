// Light, dark, or what the system says. `early.js` sets it before the first paint.
import { useCallback, useState } from "react";

export type Theme = "system" | "light" | "dark";
const KEY = "crm.theme";

function now(): Theme {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

export function useTheme(): [Theme, (next: Theme) => void] {
  const [theme, setTheme] = useState(now);
  const choose = useCallback((next: Theme) => {
    setTheme(next);
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      if (next === "system") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, next);
    } catch {
      // Then it holds until the page is left.
    }
  }, []);
  return [theme, choose];
}
