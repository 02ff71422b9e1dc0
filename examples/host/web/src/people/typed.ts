// A text that somebody types, and that counts once they pause: what is typed is never overwritten by what it led to.
import { useEffect, useRef, useState } from "react";

interface Typed {
  text: string;
  /** The settled value it was typed over. */
  over: string;
  /** What was settled last from here. */
  sent: string;
}

export function useTyped(value: string, settle: (text: string) => void, pause = 250) {
  const [typed, setTyped] = useState<Typed>({ text: value, over: value, sent: value });
  const timer = useRef<number>(undefined);
  // Changed from elsewhere, as by the browser's way back.
  if (typed.over !== value) {
    setTyped({ over: value, sent: value, text: value === typed.sent ? typed.text : value });
  }
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const now = (text: string) => {
    window.clearTimeout(timer.current);
    setTyped((before) => ({ ...before, text, sent: text.trim() }));
    settle(text.trim());
  };
  const type = (text: string) => {
    window.clearTimeout(timer.current);
    setTyped((before) => ({ ...before, text }));
    timer.current = window.setTimeout(() => now(text), pause);
  };
  return { text: typed.text, sent: typed.sent, type, now };
}
