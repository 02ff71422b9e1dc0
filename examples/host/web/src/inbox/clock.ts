// The time that goes by on a screen.
import { useEffect, useState } from "react";

/** Now (ms), again every `pace` ms. */
export function useNow(pace: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), pace);
    return () => window.clearInterval(timer);
  }, [pace]);
  return now;
}

/** False for `wait` ms after `what` has come before somebody's eyes. */
export function useSeen(what: string, wait: number): boolean {
  const [seen, setSeen] = useState<string | null>(null);
  useEffect(() => {
    const timer = window.setTimeout(() => setSeen(what), wait);
    return () => window.clearTimeout(timer);
  }, [what, wait]);
  return seen === what;
}

/** `value` as it was when it last stood still for `wait` ms. */
export function useSettled<T>(value: T, wait: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(value), wait);
    return () => window.clearTimeout(timer);
  }, [value, wait]);
  return settled;
}
