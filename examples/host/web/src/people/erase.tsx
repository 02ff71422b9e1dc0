// Erasing a person. It cannot be undone: it is asked about with its name to be typed.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { authorised } from "../api/client";
import { failure, offline } from "../api/failure";
import { useSay } from "../i18n";
import { Confirm } from "../ui/confirm";
import { Icon } from "../ui/icon";
import type { Contact } from "./words";

/** Its answer has no body, and may be asked for again: what was interrupted is finished then. */
async function erase(id: string): Promise<void> {
  let answer;
  try {
    answer = await authorised(new Request(`/api/contacts/${id}`, { method: "DELETE" }));
  } catch (reason) {
    throw offline(reason);
  }
  if (!answer.ok) throw failure(answer, await answer.json().catch(() => null));
}

export function EraseButton({ contact, onDone }: { contact: Contact; onDone: () => void }) {
  const { t, fill } = useSay();
  const client = useQueryClient();
  const [asked, setAsked] = useState(false);
  const [typed, setTyped] = useState("");
  const gone = useMutation({
    mutationFn: () => erase(contact.id),
    onSuccess: async () => {
      setAsked(false);
      onDone();
      client.removeQueries({ queryKey: ["contact", contact.id] });
      await client.invalidateQueries({ queryKey: ["contacts"] });
    },
  });
  const same = typed.trim() === contact.name.trim();
  return (
    <>
      <button
        type="button"
        className="button button-danger"
        data-action="erase"
        onClick={() => setAsked(true)}
      >
        {t.people.erase.open}
      </button>
      <Confirm
        question={
          asked
            ? {
                title: fill(t.people.erase.title, { name: contact.name }),
                body: t.people.erase.body,
                yes: t.people.erase.yes,
                dangerous: true,
              }
            : null
        }
        busy={gone.isPending}
        ready={same}
        error={gone.error}
        onYes={() => gone.mutate()}
        onNo={() => {
          setAsked(false);
          setTyped("");
          gone.reset();
        }}
      >
        <ul className="people-points">
          {t.people.erase.points.split("\n").map((point) => (
            <li key={point}>
              <Icon name="stop" />
              {point}
            </li>
          ))}
        </ul>
        <label className="field">
          <span className="field-label">{t.people.erase.type}</span>
          <input
            name="erase"
            autoComplete="off"
            value={typed}
            placeholder={contact.name}
            onChange={(event) => setTyped(event.target.value)}
          />
        </label>
      </Confirm>
    </>
  );
}
