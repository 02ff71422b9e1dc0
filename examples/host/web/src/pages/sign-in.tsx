import { useRouter, useSearch } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";

import { offline, Failure } from "../api/failure";
import { useSay } from "../i18n";
import { own } from "../router";
import { signIn } from "../session";
import { LanguageMenu, ThemeMenu } from "../ui/menus";
import { Notice, Problem } from "../ui/parts";
import { useTitle } from "../ui/shell";

export function SignInPage() {
  const { t } = useSay();
  const router = useRouter();
  const search = useSearch({ from: "/sign-in" });
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState(false);
  const [error, setError] = useState<unknown>(null);
  useTitle(t.signIn.title);

  const submit = async (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const [email, password] = [form.get("email"), form.get("password")];
    if (typeof email !== "string" || typeof password !== "string") return;
    setBusy(true);
    setError(null);
    setWrong(false);
    try {
      const problem = await signIn(email, password);
      if (problem === null) router.history.replace(own(search.to));
      else if (problem.code === "unauthorized") setWrong(true);
      else {
        const kind = problem.code === "rate_limited" ? "busy" : "refused";
        setError(new Failure(kind, problem.detail, problem.errors));
      }
    } catch (reason) {
      setError(offline(reason));
    } finally {
      setBusy(false);
    }
  };

  return (
    <div className="door">
      <header className="door-top">
        <ThemeMenu />
        <LanguageMenu />
      </header>
      <main className="door-card">
        <img src="/icon.svg" alt="" width="48" height="48" />
        <h1>{t.signIn.title}</h1>
        <p className="faint">{t.signIn.hint}</p>
        {search.ended && !wrong ? <Notice tone="info">{<p>{t.signIn.ended}</p>}</Notice> : null}
        <form className="form" onSubmit={(event) => void submit(event)}>
          <label className="field">
            <span className="field-label">{t.signIn.email}</span>
            <input name="email" type="email" autoComplete="username" required maxLength={254} />
          </label>
          <label className="field">
            <span className="field-label">{t.signIn.password}</span>
            <input name="password" type="password" autoComplete="current-password" required maxLength={100} />
          </label>
          <div role="alert">{wrong ? <Notice tone="bad">{<p>{t.signIn.wrong}</p>}</Notice> : null}</div>
          {error ? <Problem error={error} /> : null}
          <button
            type="submit"
            className="button button-primary button-wide"
            disabled={busy}
            aria-busy={busy}
          >
            {busy ? t.signIn.busy : t.signIn.submit}
          </button>
        </form>
      </main>
    </div>
  );
}
