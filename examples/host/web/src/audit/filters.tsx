// About whom, and in which order.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { useSay } from "../i18n";
import { findQuery, personQuery } from "../people/queries";
import { useTyped } from "../people/typed";
import { Icon } from "../ui/icon";
import { Loading, Problem } from "../ui/parts";
import { isId, narrowing, type AuditSearch } from "./queries";

type About = "everything" | "contact" | "message";

function FindContact({ onFound }: { onFound: (id: string) => void }) {
  const { t } = useSay();
  const words = t.audit;
  const [asked, setAsked] = useState("");
  const typed = useTyped(asked, setAsked);
  const found = useQuery(findQuery(asked));
  return (
    <div className="audit-find">
      <form
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          typed.now(typed.text);
        }}
      >
        <input
          type="search"
          name="contact"
          aria-label={words.findContact}
          placeholder={words.findContact}
          maxLength={200}
          autoComplete="off"
          value={typed.text}
          onChange={(event) => typed.type(event.target.value)}
        />
      </form>
      {asked !== "" && found.isPending ? <Loading lines={2} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {asked !== "" && found.data?.items.length === 0 ? (
        <p className="faint" role="status">
          {words.nobody}
        </p>
      ) : null}
      {asked !== "" && found.data && found.data.items.length > 0 ? (
        <ul className="audit-found">
          {found.data.items.map((one) => (
            <li key={one.id}>
              <button type="button" className="audit-choose" onClick={() => onFound(one.id)}>
                {one.name}
                <span className="faint">{one.email ?? one.phone ?? ""}</span>
              </button>
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}

function FindMessage({ onFound }: { onFound: (id: string) => void }) {
  const { t } = useSay();
  const words = t.audit;
  const [wrong, setWrong] = useState(false);
  return (
    <form
      className="audit-find"
      onSubmit={(event) => {
        event.preventDefault();
        const given = new FormData(event.currentTarget).get("message");
        const text = typeof given === "string" ? given : "";
        // The end of an address will do.
        const id = text.trim().toLowerCase().split("/").at(-1) ?? "";
        setWrong(!isId(id));
        if (isId(id)) onFound(id);
      }}
    >
      <div className="audit-line">
        <input
          name="message"
          aria-label={words.messageId}
          placeholder={words.messageId}
          autoComplete="off"
          spellCheck={false}
          maxLength={300}
          aria-invalid={wrong}
          aria-describedby={wrong ? "audit-wrong" : undefined}
        />
        <button type="submit" className="button">
          {words.show}
        </button>
      </div>
      {wrong ? (
        <p id="audit-wrong" role="alert" className="audit-wrong">
          {words.messageIdWrong}
        </p>
      ) : null}
    </form>
  );
}

/** What the list is narrowed to. */
function Narrowed({ search }: { search: AuditSearch }) {
  const { t } = useSay();
  const contact = useQuery({ ...personQuery(search.contact ?? ""), enabled: search.contact !== undefined });
  const id = search.contact ?? search.message ?? "";
  const name = contact.data?.name ?? id;
  return (
    <p className="audit-narrowed">
      {search.contact ? (
        <Link to="/contacts/$id" params={{ id }}>
          {name}
        </Link>
      ) : (
        <Link to="/messages/$id" params={{ id }}>
          <code>{id}</code>
        </Link>
      )}
      <Link to="/audit" search={search.order ? { order: search.order } : {}} className="button button-small">
        <Icon name="stop" />
        {t.audit.clear}
      </Link>
    </p>
  );
}

export function AuditFilters({ search }: { search: AuditSearch }) {
  const { t } = useSay();
  const words = t.audit;
  const navigate = useNavigate({ from: "/audit" });
  const given: About = search.contact ? "contact" : search.message ? "message" : "everything";
  const [chosen, setChosen] = useState<About>(given);
  const order = search.order ? { order: search.order } : {};
  const about = given === "everything" ? chosen : given;
  const go = (next: AuditSearch) => void navigate({ search: { ...order, ...next } });
  return (
    <div className="audit-filters">
      <div className="audit-line">
        <label className="audit-about">
          <span>{words.about}</span>
          <select
            name="about"
            value={about}
            onChange={(event) => {
              setChosen(event.target.value as About);
              if (given !== "everything") go({});
            }}
          >
            <option value="everything">{words.everything}</option>
            <option value="contact">{words.aContact}</option>
            <option value="message">{words.aMessage}</option>
          </select>
        </label>
        <div className="segments" role="group" aria-label={words.order}>
          {([undefined, "oldest"] as const).map((one) => (
            <button
              key={one ?? "newest"}
              type="button"
              className="segment"
              aria-pressed={search.order === one}
              onClick={() => {
                void navigate({ search: { ...narrowing(search), ...(one ? { order: one } : {}) } });
              }}
            >
              {one ? words.oldest : words.newest}
            </button>
          ))}
        </div>
      </div>
      {given !== "everything" ? <Narrowed search={search} /> : null}
      {given === "everything" && about === "contact" ? (
        <FindContact onFound={(contact) => go({ contact })} />
      ) : null}
      {given === "everything" && about === "message" ? (
        <FindMessage onFound={(message) => go({ message })} />
      ) : null}
    </div>
  );
}
