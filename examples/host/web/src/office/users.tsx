// Who works here, and how somebody is added.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, useSyncExternalStore } from "react";

import { api, told } from "../api/client";
import { useSay } from "../i18n";
import { usePace } from "../live";
import { Field } from "../people/field";
import { current, subscribe, type User } from "../session";
import { FormDialog } from "../ui/form-dialog";
import { Icon } from "../ui/icon";
import { Badge, Card, Loading, Notice, Problem } from "../ui/parts";
import { peopleQuery } from "./queries";

type Role = User["role"];

const ROLES: Role[] = ["viewer", "manager", "admin"];

interface NewUser {
  full_name: string;
  email: string;
  password: string;
  role: Role;
}

function AddUser({ onDone }: { onDone: (name: string) => void }) {
  const { t } = useSay();
  const words = t.office.settings;
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  const add = useMutation({
    mutationFn: (body: NewUser) => told(api.POST("/api/auth/register", { body })),
    onSuccess: async (user) => {
      setOpen(false);
      onDone(user.full_name);
      await client.invalidateQueries({ queryKey: peopleQuery.queryKey });
    },
  });
  return (
    <>
      <button type="button" className="button button-small" onClick={() => setOpen(true)}>
        <Icon name="plus" />
        {words.add}
      </button>
      <FormDialog
        open={open}
        title={words.add}
        body={words.addBody}
        yes={words.addYes}
        busy={add.isPending}
        error={add.error}
        fields={["full_name", "email", "password", "role"]}
        onClose={() => {
          add.reset();
          setOpen(false);
        }}
        onSubmit={(given) =>
          add.mutate({
            full_name: given("full_name"),
            email: given("email"),
            password: given("password"),
            role: ROLES.find((one) => one === given("role")) ?? "viewer",
          })
        }
      >
        {(wrong) => (
          <>
            <Field label={words.name} error={wrong("full_name")}>
              {(described) => <input name="full_name" autoComplete="off" maxLength={200} {...described} />}
            </Field>
            <Field label={words.email} error={wrong("email")}>
              {(described) => (
                <input name="email" type="email" autoComplete="off" maxLength={254} {...described} />
              )}
            </Field>
            <Field label={words.password} hint={words.passwordHint} error={wrong("password")}>
              {(described) => (
                <input
                  name="password"
                  type="password"
                  autoComplete="new-password"
                  maxLength={100}
                  {...described}
                />
              )}
            </Field>
            <Field label={words.role} hint={words.viewerHint} error={wrong("role")}>
              {(described) => (
                <select name="role" {...described}>
                  {ROLES.map((one) => (
                    <option key={one} value={one}>
                      {t.role[one]}
                    </option>
                  ))}
                </select>
              )}
            </Field>
          </>
        )}
      </FormDialog>
    </>
  );
}

export function UsersCard() {
  const { t, fill } = useSay();
  const words = t.office.settings;
  const user = useSyncExternalStore(subscribe, current)?.user;
  const found = useQuery({ ...peopleQuery, refetchInterval: usePace(true) });
  const [added, setAdded] = useState<string | null>(null);
  return (
    <Card title={words.users} aside={user?.role === "admin" ? <AddUser onDone={setAdded} /> : null}>
      <div role="status" className="notices">
        {added === null ? null : (
          <Notice tone="good">
            <p>{fill(words.added, { name: added })}</p>
          </Notice>
        )}
      </div>
      {found.isPending ? <Loading lines={3} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {found.data ? (
        <ul className="office-people" aria-label={words.users}>
          {found.data.map((one) => (
            <li key={one.id} data-user={one.full_name}>
              <span>
                {one.full_name}
                {one.id === user?.id ? <span className="faint"> ({words.you})</span> : null}
              </span>
              <Badge tone={one.role === "admin" ? "info" : "neutral"}>{t.role[one.role]}</Badge>
            </li>
          ))}
        </ul>
      ) : null}
      <p className="faint office-hint">{words.viewerHint}</p>
    </Card>
  );
}
