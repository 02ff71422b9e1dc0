// The menus of the bar at the top: language, appearance, account.
import { Menu } from "@base-ui/react/menu";
import { Link, useRouterState } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { isLanguage, LANGUAGES, useSay } from "../i18n";
import { signOut, type User } from "../session";
import { useTheme, type Theme } from "../theme";
import { Icon, type IconName } from "./icon";

function TopMenu({
  label,
  icon,
  text,
  children,
}: {
  label: string;
  icon: IconName;
  text?: string;
  children: ReactNode;
}) {
  return (
    <Menu.Root>
      <Menu.Trigger className="top-button" aria-label={text ? `${label}: ${text}` : label}>
        <Icon name={icon} />
        {text ? <span className="top-text">{text}</span> : null}
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={6} align="end" className="menu-place">
          <Menu.Popup className="menu">{children}</Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}

function Choices({
  value,
  choices,
  onChoose,
}: {
  value: string;
  choices: [value: string, name: string, language?: string][];
  onChoose: (value: string) => void;
}) {
  return (
    <Menu.RadioGroup value={value} onValueChange={(next: unknown) => onChoose(String(next))}>
      {choices.map(([one, name, language]) => (
        <Menu.RadioItem key={one} value={one} className="menu-item" lang={language} closeOnClick>
          <span className="menu-check">
            <Menu.RadioItemIndicator>
              <Icon name="check" />
            </Menu.RadioItemIndicator>
          </span>
          {name}
        </Menu.RadioItem>
      ))}
    </Menu.RadioGroup>
  );
}

export function LanguageMenu() {
  const { t, language, choose } = useSay();
  const choices = Object.entries(LANGUAGES).map(([tag, { name }]): [string, string, string] => [
    tag,
    name,
    tag,
  ]);
  return (
    <TopMenu label={t.app.language} icon="globe" text={LANGUAGES[language].name}>
      <Choices value={language} choices={choices} onChoose={(next) => isLanguage(next) && choose(next)} />
    </TopMenu>
  );
}

export function ThemeMenu() {
  const { t } = useSay();
  const [theme, choose] = useTheme();
  const choices: [Theme, string][] = [
    ["system", t.app.themeSystem],
    ["light", t.app.themeLight],
    ["dark", t.app.themeDark],
  ];
  return (
    <TopMenu label={t.app.theme} icon="sun">
      <Choices value={theme} choices={choices} onChoose={(next) => choose(next as Theme)} />
    </TopMenu>
  );
}

export function AccountMenu({ user }: { user: User }) {
  const { t } = useSay();
  return (
    <TopMenu label={t.app.account} icon="user" text={user.full_name}>
      <Menu.Group>
        <Menu.GroupLabel className="menu-about">
          <span className="menu-name">{user.full_name}</span>
          <span>{user.email}</span>
          <span>
            {t.role[user.role]} · {t.app.workspace}: {user.workspace}
          </span>
        </Menu.GroupLabel>
      </Menu.Group>
      <Menu.Separator className="menu-line" />
      <Menu.Item className="menu-item" onClick={() => void signOut()}>
        <span className="menu-check">
          <Icon name="out" />
        </span>
        {t.app.signOut}
      </Menu.Item>
    </TopMenu>
  );
}

/** Screens that few open every day. */
const REST = [
  { to: "/suppressions", icon: "suppressed" },
  { to: "/audit", icon: "audit" },
  { to: "/settings", icon: "settings" },
] as const;

export function MoreMenu() {
  const { t } = useSay();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const names = {
    "/suppressions": t.office.suppressions.title,
    "/audit": t.audit.title,
    "/settings": t.office.settings.title,
  };
  const here = REST.some(({ to }) => path === to || path.startsWith(`${to}/`));
  return (
    <Menu.Root>
      <Menu.Trigger className={here ? "nav-link nav-link-active" : "nav-link"}>
        <Icon name="more" />
        {t.office.nav.more}
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={6} align="start" className="menu-place">
          <Menu.Popup className="menu">
            {REST.map(({ to, icon }) => (
              <Menu.Item key={to} className="menu-item" render={<Link to={to} />}>
                <span className="menu-check">
                  <Icon name={icon} />
                </span>
                {names[to]}
              </Menu.Item>
            ))}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
