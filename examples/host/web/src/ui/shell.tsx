// What stands around every screen: the bar at the top, the navigation, and the place of the screen.
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useRef, useSyncExternalStore } from "react";

import { useSay } from "../i18n";
import { useConnected, useLive } from "../live";
import { DoubtLink } from "../messages/doubt-link";
import { current, subscribe } from "../session";
import { Icon } from "./icon";
import { AccountMenu, LanguageMenu, MoreMenu, ThemeMenu } from "./menus";

function Live() {
  const { t } = useSay();
  const connected = useConnected();
  return (
    <span className={connected ? "live live-on" : "live"} title={connected ? t.app.live : t.app.notLive}>
      <span className="live-dot" aria-hidden="true" />
      <span className="live-text">{connected ? t.app.live : t.app.notLive}</span>
    </span>
  );
}

/** A new screen is read from its beginning: the focus moves there, but not when the page is opened. */
function useFocusOnMove(): React.RefObject<HTMLElement | null> {
  const main = useRef<HTMLElement>(null);
  // In the inbox one goes from draft to draft, and the focus with it.
  const path = useRouterState({
    select: ({ location }) => location.pathname.replace(/^\/inbox\/.*/u, "/inbox"),
  });
  const before = useRef(path);
  useEffect(() => {
    if (before.current !== path) main.current?.focus();
    before.current = path;
  }, [path]);
  return main;
}

/** On a phone the navigation is wider than the screen: where one is stays in sight. */
function useInSight(): React.RefObject<HTMLElement | null> {
  const nav = useRef<HTMLElement>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  useEffect(() => {
    nav.current?.querySelector(".nav-link-active")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [path]);
  return nav;
}

export function Shell() {
  const { t } = useSay();
  const user = useSyncExternalStore(subscribe, current)?.user;
  const main = useFocusOnMove();
  const nav = useInSight();
  useLive();
  if (!user) return null;
  return (
    <div className="shell">
      <a className="skip" href="#main">
        {t.app.skip}
      </a>
      <header className="top">
        <Link to="/inbox" className="brand">
          <img src="/icon.svg" alt="" width="28" height="28" />
          <span>{t.app.name}</span>
        </Link>
        <nav className="nav" ref={nav} aria-label={t.app.navigation}>
          <Link to="/inbox" className="nav-link" activeProps={{ className: "nav-link nav-link-active" }}>
            <Icon name="mail" />
            {t.inbox.inbox.nav}
          </Link>
          <Link to="/campaigns" className="nav-link" activeProps={{ className: "nav-link nav-link-active" }}>
            <Icon name="campaigns" />
            {t.app.campaigns}
          </Link>
          <Link to="/messages" className="nav-link" activeProps={{ className: "nav-link nav-link-active" }}>
            <Icon name="messages" />
            {t.messages.list.nav}
          </Link>
          <DoubtLink />
          <Link to="/contacts" className="nav-link" activeProps={{ className: "nav-link nav-link-active" }}>
            <Icon name="contacts" />
            {t.people.list.title}
          </Link>
          <Link to="/templates" className="nav-link" activeProps={{ className: "nav-link nav-link-active" }}>
            <Icon name="templates" />
            {t.templates.title}
          </Link>
          <Link to="/analytics" className="nav-link" activeProps={{ className: "nav-link nav-link-active" }}>
            <Icon name="analytics" />
            {t.analytics.title}
          </Link>
          <MoreMenu />
        </nav>
        <div className="top-end">
          <Live />
          <ThemeMenu />
          <LanguageMenu />
          <AccountMenu user={user} />
        </div>
      </header>
      <main id="main" className="main" ref={main} tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}

/** The title of the window, for people with many of them. */
export function useTitle(title: string | undefined): void {
  const { t } = useSay();
  useEffect(() => {
    document.title = title ? `${title} · ${t.app.name}` : t.app.name;
  }, [title, t]);
}
