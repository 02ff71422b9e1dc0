// Who is signed in, and how all of their logins are ended.
import { useMutation } from "@tanstack/react-query";
import { useState, useSyncExternalStore } from "react";

import { api, finished } from "../api/client";
import { useSay } from "../i18n";
import { current, signOut, subscribe } from "../session";
import { Confirm } from "../ui/confirm";
import { Card } from "../ui/parts";

export function AccountCard() {
  const { t } = useSay();
  const words = t.office.settings;
  const user = useSyncExternalStore(subscribe, current)?.user;
  const [asked, setAsked] = useState(false);
  const end = useMutation({
    mutationFn: () => finished(api.POST("/api/auth/logout", { params: { query: { everywhere: true } } })),
    // The login of this page went with them: there is nothing left to tell the host.
    onSuccess: () => signOut().catch(() => undefined),
  });
  if (!user) return null;
  return (
    <Card title={words.me}>
      <dl className="rows">
        <div>
          <dt>{words.name}</dt>
          <dd>{user.full_name}</dd>
        </div>
        <div>
          <dt>{words.email}</dt>
          <dd>{user.email}</dd>
        </div>
        <div>
          <dt>{words.role}</dt>
          <dd>{t.role[user.role]}</dd>
        </div>
        <div>
          <dt>{words.workspace}</dt>
          <dd>{user.workspace}</dd>
        </div>
      </dl>
      <div className="office-below">
        <button type="button" className="button" onClick={() => setAsked(true)}>
          {words.everywhere}
        </button>
        <p className="faint">{words.everywhereHint}</p>
      </div>
      <Confirm
        question={
          asked
            ? {
                title: words.everywhereTitle,
                body: words.everywhereBody,
                yes: words.everywhereYes,
                dangerous: true,
              }
            : null
        }
        busy={end.isPending}
        error={end.error}
        onYes={() => end.mutate()}
        onNo={() => {
          end.reset();
          setAsked(false);
        }}
      />
    </Card>
  );
}
