import { Link } from "@tanstack/react-router";

import { useSay } from "../i18n";
import { useTitle } from "../ui/shell";

export function NotFound() {
  const { t } = useSay();
  useTitle(t.app.notFound);
  return (
    <div className="empty">
      <h1>{t.app.notFound}</h1>
      <p className="empty-hint">{t.app.notFoundHint}</p>
      <Link to="/campaigns" className="button">
        {t.app.home}
      </Link>
    </div>
  );
}
