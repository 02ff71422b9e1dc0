// The file, chosen or dropped.
import { useState } from "react";

import { useSay } from "../../i18n";
import { Icon } from "../../ui/icon";
import { Notice } from "../../ui/parts";
import { LARGEST } from "./upload";

export const TYPES = ".csv,.tsv,.txt,.xlsx,.vcf,.vcard,.json,.jsonl,.ndjson";

export function Choose({ file, onChoose }: { file: File | null; onChoose: (file: File) => void }) {
  const { t, fill, number } = useSay();
  const [over, setOver] = useState(false);
  const [large, setLarge] = useState<string | null>(null);
  const take = (chosen: File | undefined) => {
    if (!chosen) return;
    const fits = chosen.size <= LARGEST;
    setLarge(fits ? null : chosen.name);
    if (fits) onChoose(chosen);
  };
  return (
    <div className="stack">
      {/* A file that is dropped on the label is the input's own, which is spread over it. */}
      <label className={over ? "people-drop people-drop-over" : "people-drop"}>
        <Icon name="upload" />
        <span className="people-drop-title">{file ? file.name : t.people.import.choose}</span>
        <span className="field-hint">
          {file
            ? `${fill(t.people.import.size, { n: number(Math.max(1, Math.round(file.size / 1024))) })} · ${t.people.import.another}`
            : t.people.import.chooseHint}
        </span>
        <input
          type="file"
          name="file"
          accept={TYPES}
          aria-label={t.people.import.choose}
          onDragEnter={() => setOver(true)}
          onDragLeave={() => setOver(false)}
          onDrop={() => setOver(false)}
          onChange={(event) => {
            take(event.target.files?.[0]);
            // The same file may be chosen again after it was mended.
            event.target.value = "";
          }}
        />
      </label>
      {large ? (
        <div role="alert">
          <Notice tone="bad" title={fill(t.people.import.tooLarge, { name: large })}>
            <p>{t.people.import.tooLargeHint}</p>
          </Notice>
        </div>
      ) : null}
    </div>
  );
}
