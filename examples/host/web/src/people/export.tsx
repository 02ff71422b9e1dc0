// The shown contacts as a file.
import { Dialog } from "@base-ui/react/dialog";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { download } from "../api/download";
import { useSay } from "../i18n";
import { Icon } from "../ui/icon";
import { Notice, Problem } from "../ui/parts";
import { filterOf, isFiltered, type PeopleSearch } from "./search";

const FORMATS = ["excel", "csv", "vcard", "jsonl"] as const;
type Format = (typeof FORMATS)[number];
const ENCODINGS = ["utf-8", "utf-8-bom", "windows-1251", "utf-16le", "ibm866", "koi8-r", "windows-1252"];
const SEPARATORS = [",", ";", "tab", "|"];

interface Wish {
  format: Format;
  encoding: string;
  separator: string;
  all: boolean;
}

export function exportPath(search: PeopleSearch, wish: Wish): string {
  const query = new URLSearchParams();
  const filter = wish.all ? {} : filterOf(search);
  for (const [name, value] of Object.entries(filter)) query.set(name, String(value));
  if (wish.format === "excel") query.set("excel", "true");
  else query.set("format", wish.format);
  if (wish.format === "csv") {
    query.set("encoding", wish.encoding);
    query.set("separator", wish.separator);
  }
  return `/api/contacts/export?${query.toString()}`;
}

function Choices({ wish, onChange }: { wish: Wish; onChange: (wish: Wish) => void }) {
  const { t } = useSay();
  return (
    <>
      <fieldset className="people-radios">
        <legend className="field-label">{t.people.export.format}</legend>
        {FORMATS.map((format) => (
          <label key={format} className="people-radio">
            <input
              type="radio"
              name="format"
              value={format}
              checked={wish.format === format}
              onChange={() => onChange({ ...wish, format })}
            />
            <span>
              {t.people.export.formats[format].title}
              <span className="field-hint">{t.people.export.formats[format].hint}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {wish.format === "csv" ? (
        <div className="field-pair">
          <label className="field">
            <span className="field-label">{t.people.files.encoding}</span>
            <select
              name="encoding"
              value={wish.encoding}
              onChange={(event) => onChange({ ...wish, encoding: event.target.value })}
            >
              {ENCODINGS.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          </label>
          <label className="field">
            <span className="field-label">{t.people.files.separator}</span>
            <select
              name="separator"
              value={wish.separator}
              onChange={(event) => onChange({ ...wish, separator: event.target.value })}
            >
              {SEPARATORS.map((one) => (
                <option key={one} value={one}>
                  {one === "tab" ? t.people.files.tab : one}
                </option>
              ))}
            </select>
          </label>
        </div>
      ) : null}
    </>
  );
}

export function ExportButton({ search, total }: { search: PeopleSearch; total: number | undefined }) {
  const { t, fill, count, number } = useSay();
  const [open, setOpen] = useState(false);
  const [wish, setWish] = useState<Wish>({ format: "excel", encoding: "utf-8", separator: ",", all: false });
  const [bytes, setBytes] = useState(0);
  const fetched = useMutation({
    mutationFn: () => download(exportPath(search, wish), "contacts", setBytes),
    onMutate: () => setBytes(0),
  });
  const filtered = isFiltered(search);
  return (
    <Dialog.Root
      open={open}
      onOpenChange={(next) => {
        setOpen(next);
        if (!next) fetched.reset();
      }}
    >
      <Dialog.Trigger className="button">
        <Icon name="download" />
        {t.people.export.open}
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className="backdrop" />
        <Dialog.Popup className="dialog">
          <Dialog.Title className="dialog-title">{t.people.export.title}</Dialog.Title>
          <Dialog.Description className="dialog-body">
            {filtered && !wish.all && total !== undefined
              ? count(total, t.people.counted.exported)
              : t.people.export.everybody}{" "}
            {t.people.export.noted}
          </Dialog.Description>
          {filtered ? (
            <label className="people-check">
              <input
                type="checkbox"
                name="all"
                checked={wish.all}
                onChange={(event) => setWish({ ...wish, all: event.target.checked })}
              />
              <span>{t.people.export.all}</span>
            </label>
          ) : null}
          <Choices wish={wish} onChange={setWish} />
          <div role="status">
            {fetched.isPending ? (
              <p className="faint">{fill(t.people.export.running, { n: number(Math.ceil(bytes / 1024)) })}</p>
            ) : null}
            {fetched.isSuccess ? (
              <Notice tone="good">
                <p>{t.people.export.done}</p>
              </Notice>
            ) : null}
          </div>
          {fetched.error ? <Problem error={fetched.error} /> : null}
          <div className="dialog-actions">
            <Dialog.Close className="button">{t.people.close}</Dialog.Close>
            <button
              type="button"
              className="button button-primary"
              disabled={fetched.isPending}
              aria-busy={fetched.isPending}
              onClick={() => fetched.mutate()}
            >
              {t.people.export.download}
            </button>
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
