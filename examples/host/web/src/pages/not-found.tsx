import { Link, useRouter, type ErrorComponentProps } from "@tanstack/react-router";

import { useSay } from "../i18n";
import { Problem } from "../ui/parts";
import { useTitle } from "../ui/shell";

export function NotFound() {
  const { t } = useSay();
  useTitle(t.app.notFound);
  return (
    <main className="empty">
      <h1>{t.app.notFound}</h1>
      <p className="empty-hint">{t.app.notFoundHint}</p>
      <Link to="/inbox" className="button">
        {t.app.home}
      </Link>
    </main>
  );
}

/** In place of a screen that cannot be shown, as when the host is away while the page is opened. */
export function Broken({ error }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <main className="main narrow">
      <Problem error={error} retry={() => void router.invalidate()} />
    </main>
  );
}
