// Addresses and their screens. Everything but signing in needs a user.
import { createRootRoute, createRoute, createRouter, Outlet, redirect } from "@tanstack/react-router";

import { analyticsSearch } from "./analytics/queries";
import type { Schemas } from "./api/client";
import { SORTS, type Sort } from "./inbox/order";
import type { Filters } from "./inbox/queries";
import { auditSearch } from "./audit/queries";
import { AnalyticsPage } from "./pages/analytics";
import { AuditPage } from "./pages/audit";
import { CampaignPage } from "./pages/campaign";
import { CampaignsPage } from "./pages/campaigns";
import { ContactPage } from "./pages/contact";
import { ContactsPage } from "./pages/contacts";
import { EditContactPage, NewContactPage } from "./pages/edit-contact";
import { ImportPage, ImportResultPage } from "./pages/import";
import { MergeContactPage } from "./pages/merge-contact";
import { InboxPage } from "./pages/inbox";
import { MessagePage } from "./pages/message";
import { MessagesPage } from "./pages/messages";
import { suppressionSearch } from "./office/queries";
import { EditCampaignPage, NewCampaignPage } from "./pages/new-campaign";
import { Broken, NotFound } from "./pages/not-found";
import { SettingsPage } from "./pages/settings";
import { SignInPage } from "./pages/sign-in";
import { SuppressionsPage } from "./pages/suppressions";
import { NewTemplatePage, TemplatePage, TemplatesPage } from "./pages/templates";
import { peopleSearch } from "./people/search";
import { restore, takeEnd } from "./session";
import { Shell } from "./ui/shell";

export type Status = Schemas["CampaignStatus"];
/** The order in which people meet them. */
export const STATUSES: Record<Status, true> = {
  draft: true,
  scheduled: true,
  active: true,
  paused: true,
  completed: true,
  cancelled: true,
};

function isStatus(value: unknown): value is Status {
  return typeof value === "string" && Object.hasOwn(STATUSES, value);
}

/** An address of this page: never another host. */
export function own(path: unknown): string {
  return typeof path === "string" && /^\/(?![/\\])/u.test(path) ? path : "/inbox";
}

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { to?: string; ended?: true } => ({
    ...(search.to === undefined ? {} : { to: own(search.to) }),
    ...(search.ended === true ? { ended: true as const } : {}),
  }),
  beforeLoad: async ({ search }) => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- how this router redirects
    if (await restore()) throw redirect({ href: own(search.to), replace: true });
  },
  component: SignInPage,
});

const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  beforeLoad: async ({ location }) => {
    if (await restore()) return;
    // Who signed out begins anew; whoever was interrupted goes on where they were.
    const end = takeEnd();
    const to = end === "out" ? {} : { to: location.href };
    const search = end === "ended" ? { ...to, ended: true as const } : to;
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- how this router redirects
    throw redirect({ to: "/sign-in", search, replace: true });
  },
  component: Shell,
});

const home = createRoute({
  getParentRoute: () => inside,
  path: "/",
  beforeLoad: () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- how this router redirects
    throw redirect({ to: "/inbox", replace: true });
  },
});

type Message = Schemas["Message"];

/** Codes of which a value is one; anything else in an address is left out. */
function oneOf<T extends string>(codes: Record<T, unknown>, value: unknown): T | undefined {
  return typeof value === "string" && Object.hasOwn(codes, value) ? (value as T) : undefined;
}

function text(value: unknown, most: number): string | undefined {
  // A number in an address is read as one.
  const found = typeof value === "number" ? String(value) : value;
  return typeof found === "string" && found !== "" && found.length <= most ? found : undefined;
}

function given<T extends object>(fields: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

const OCCASIONS = { birthday: 0, new_year: 0, holiday: 0, promotion: 0, custom: 0 };
const RISKS = { notice: 0, warning: 0, blocking: 0 };

// The list stays while one draft after the other is opened: the page is the parent's.
const inbox = createRoute({
  getParentRoute: () => inside,
  path: "/inbox",
  validateSearch: (search: Record<string, unknown>): Filters => {
    const sort = text(search.sort, 20);
    return given<Filters>({
      risk: oneOf(RISKS, search.risk),
      occasion: oneOf(OCCASIONS, search.occasion),
      channel: text(search.channel, 64),
      campaign: text(search.campaign, 36),
      q: text(search.q, 200),
      sort: SORTS.find((one): one is Sort => one === sort),
    });
  },
  component: InboxPage,
});
const inboxList = createRoute({ getParentRoute: () => inbox, path: "/" });
const inboxOne = createRoute({ getParentRoute: () => inbox, path: "$id" });

/** The order in which messages pass through them. */
export const MESSAGE_STATUSES: Record<Message["status"], true> = {
  pending_approval: true,
  draft: true,
  approved: true,
  claimed: true,
  sending: true,
  sent: true,
  delivered: true,
  failed: true,
  uncertain: true,
  rejected: true,
  cancelled: true,
  expired: true,
};

const messages = createRoute({
  getParentRoute: () => inside,
  path: "/messages",
  validateSearch: (search: Record<string, unknown>): { status?: Message["status"]; skip?: number } => ({
    ...given<{ status?: Message["status"] }>({ status: oneOf(MESSAGE_STATUSES, search.status) }),
    ...(typeof search.skip === "number" && Number.isSafeInteger(search.skip) && search.skip > 0
      ? { skip: search.skip }
      : {}),
  }),
  component: MessagesPage,
});

const message = createRoute({
  getParentRoute: () => inside,
  path: "/messages/$id",
  component: MessagePage,
});

const campaigns = createRoute({
  getParentRoute: () => inside,
  path: "/campaigns",
  validateSearch: (search: Record<string, unknown>): { status?: Status; skip?: number } => ({
    ...(isStatus(search.status) ? { status: search.status } : {}),
    ...(typeof search.skip === "number" && Number.isSafeInteger(search.skip) && search.skip > 0
      ? { skip: search.skip }
      : {}),
  }),
  component: CampaignsPage,
});

const newCampaign = createRoute({
  getParentRoute: () => inside,
  path: "/campaigns/new",
  component: NewCampaignPage,
});

const campaign = createRoute({
  getParentRoute: () => inside,
  path: "/campaigns/$id",
  component: CampaignPage,
});

const editCampaign = createRoute({
  getParentRoute: () => inside,
  path: "/campaigns/$id/edit",
  component: EditCampaignPage,
});

const contacts = createRoute({
  getParentRoute: () => inside,
  path: "/contacts",
  validateSearch: peopleSearch,
  component: ContactsPage,
});

const newContact = createRoute({
  getParentRoute: () => inside,
  path: "/contacts/new",
  component: NewContactPage,
});

/** What was done with a contact just before its page was shown. */
const DONE = { created: true, saved: true, merged: true } as const;

const contact = createRoute({
  getParentRoute: () => inside,
  path: "/contacts/$id",
  validateSearch: (search: Record<string, unknown>): { done?: keyof typeof DONE } =>
    typeof search.done === "string" && Object.hasOwn(DONE, search.done)
      ? { done: search.done as keyof typeof DONE }
      : {},
  component: ContactPage,
});

const editContact = createRoute({
  getParentRoute: () => inside,
  path: "/contacts/$id/edit",
  component: EditContactPage,
});

const mergeContact = createRoute({
  getParentRoute: () => inside,
  path: "/contacts/$id/merge",
  validateSearch: (search: Record<string, unknown>): { other?: string } =>
    typeof search.other === "string" ? { other: search.other } : {},
  component: MergeContactPage,
});

const importing = createRoute({
  getParentRoute: () => inside,
  path: "/contacts/import",
  component: ImportPage,
});

const imported = createRoute({
  getParentRoute: () => inside,
  path: "/contacts/import/$id",
  component: ImportResultPage,
});

const templates = createRoute({
  getParentRoute: () => inside,
  path: "/templates",
  validateSearch: (search: Record<string, unknown>): { skip?: number } =>
    typeof search.skip === "number" && Number.isSafeInteger(search.skip) && search.skip > 0
      ? { skip: search.skip }
      : {},
  component: TemplatesPage,
});

const newTemplate = createRoute({
  getParentRoute: () => inside,
  path: "/templates/new",
  component: NewTemplatePage,
});

const template = createRoute({
  getParentRoute: () => inside,
  path: "/templates/$id",
  component: TemplatePage,
});

const analytics = createRoute({
  getParentRoute: () => inside,
  path: "/analytics",
  validateSearch: analyticsSearch,
  component: AnalyticsPage,
});

const audit = createRoute({
  getParentRoute: () => inside,
  path: "/audit",
  validateSearch: auditSearch,
  component: AuditPage,
});

const suppressions = createRoute({
  getParentRoute: () => inside,
  path: "/suppressions",
  validateSearch: suppressionSearch,
  component: SuppressionsPage,
});

const settings = createRoute({
  getParentRoute: () => inside,
  path: "/settings",
  component: SettingsPage,
});

const office = [analytics, audit, suppressions, settings] as const;
const texts = [templates, newTemplate, template] as const;
const people = [contacts, newContact, contact, editContact, mergeContact, importing, imported] as const;
const tree = root.addChildren([
  signIn,
  inside.addChildren([
    home,
    inbox.addChildren([inboxList, inboxOne]),
    messages,
    message,
    campaigns,
    newCampaign,
    campaign,
    editCampaign,
    ...people,
    ...texts,
    ...office,
  ]),
]);

export function makeRouter() {
  return createRouter({
    routeTree: tree,
    scrollRestoration: true,
    defaultNotFoundComponent: NotFound,
    defaultErrorComponent: Broken,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
