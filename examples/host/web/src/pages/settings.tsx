import "../office/office.css";

import { useSay } from "../i18n";
import { AccountCard } from "../office/account";
import { BudgetsCard } from "../office/budgets";
import { UsageCard } from "../office/usage";
import { UsersCard } from "../office/users";
import { useTitle } from "../ui/shell";

export function SettingsPage() {
  const { t } = useSay();
  useTitle(t.office.settings.title);
  return (
    <>
      <div className="page-head">
        <h1>{t.office.settings.title}</h1>
      </div>
      <div className="columns">
        <div className="stack">
          <UsageCard />
          <BudgetsCard />
        </div>
        <div className="stack">
          <AccountCard />
          <UsersCard />
        </div>
      </div>
    </>
  );
}
