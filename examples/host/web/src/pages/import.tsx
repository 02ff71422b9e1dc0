import "../people/people.css";

import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useRef, useState } from "react";

import { useSay } from "../i18n";
import { usePace } from "../live";
import { Choose } from "../people/import/choose";
import { DetectedCard } from "../people/import/detected";
import { MappingCard } from "../people/import/mapping";
import { OutcomeCard } from "../people/import/outcome";
import { PastCard, TONES } from "../people/import/past";
import { peek, type Peek } from "../people/import/peek";
import { ResultCard, runs } from "../people/import/result";
import { begin, look, sending, type Options, type Preview, type Sending } from "../people/import/upload";
import { importQuery } from "../people/queries";
import { useMay } from "../people/role";
import { Icon } from "../ui/icon";
import { Badge, Card, Loading, Notice, Problem } from "../ui/parts";
import { useTitle } from "../ui/shell";

/** How often an import that runs is asked after (ms). */
const PACE = 500;

interface Seen {
  file: File;
  preview: Preview;
  peek: Peek | null;
}

async function see(file: File, options: Options): Promise<Seen> {
  const preview = await look(file, options);
  const { format, encoding, separator, mapping } = preview.detected;
  const cells = format === "csv" ? await peek(file, encoding, separator, Object.keys(mapping)) : null;
  return { file, preview, peek: cells };
}

function Wizard() {
  const { t, count } = useSay();
  const navigate = useNavigate();
  const [file, setFile] = useState<File | null>(null);
  const [options, setOptions] = useState<Options>({});
  const [seen, setSeen] = useState<Seen | null>(null);
  // Sent again after a lost answer, it is the same request.
  const held = useRef<Sending | null>(null);
  const looking = useMutation({
    mutationFn: (what: { file: File; options: Options }) => see(what.file, what.options),
  });
  const run = useMutation({
    mutationFn: async (what: { file: File; options: Options }) => {
      held.current ??= await sending(what.file, what.options);
      return begin(held.current);
    },
    onSuccess: (one) => navigate({ to: "/contacts/import/$id", params: { id: one.import_id } }),
  });
  const ask = (chosen: File, wanted: Options) => {
    held.current = null;
    run.reset();
    setFile(chosen);
    setOptions(wanted);
    // Of several questions the last one's answer counts.
    looking.mutate({ file: chosen, options: wanted }, { onSuccess: setSeen });
  };
  const change = (wanted: Options) => file && ask(file, wanted);
  const shown = seen && seen.file === file ? seen : null;
  const taken = shown ? shown.preview.created + shown.preview.updated : 0;
  const ready = shown !== null && looking.isSuccess && taken > 0;
  return (
    <div className="stack">
      <Choose
        file={file}
        onChoose={(chosen) => ask(chosen, options.duplicates ? { duplicates: options.duplicates } : {})}
      />
      {looking.isPending && !shown ? (
        <Card title={t.people.import.looking}>
          <Loading lines={4} />
        </Card>
      ) : null}
      {looking.error ? <Problem error={looking.error} retry={() => file && ask(file, options)} /> : null}
      {shown && file ? (
        <>
          <DetectedCard
            key={`${file.name} ${file.lastModified}`}
            preview={shown.preview}
            options={options}
            onChange={change}
          />
          {Object.keys(shown.preview.detected.mapping).length > 0 ? (
            <MappingCard preview={shown.preview} options={options} peek={shown.peek} onChange={change} />
          ) : null}
          {looking.error ? null : <OutcomeCard preview={shown.preview} stale={looking.isPending} />}
          {run.error ? <Problem error={run.error} /> : null}
          <div className="form-actions people-save">
            <span className="faint people-grow">{t.people.import.nothingYet}</span>
            <button
              type="button"
              className="button button-primary"
              data-action="import"
              disabled={!ready || run.isPending}
              aria-busy={run.isPending}
              onClick={() => run.mutate({ file, options })}
            >
              {count(taken, t.people.counted.take)}
            </button>
          </div>
        </>
      ) : null}
    </div>
  );
}

export function ImportPage() {
  const { t } = useSay();
  const may = useMay();
  useTitle(t.people.import.title);
  return (
    <div className="people-wide">
      <Link to="/contacts" className="back">
        <Icon name="back" />
        {t.people.page.back}
      </Link>
      <div className="page-head">
        <div>
          <h1>{t.people.import.title}</h1>
          <p className="faint">{t.people.import.hint}</p>
        </div>
      </div>
      <div className="stack">
        {may.write ? (
          <Wizard />
        ) : (
          <Notice tone="warn" title={t.failure.forbidden.title}>
            <p>{t.failure.forbidden.hint}</p>
          </Notice>
        )}
        <PastCard />
      </div>
    </div>
  );
}

export function ImportResultPage() {
  const { t } = useSay();
  const { id } = useParams({ from: "/inside/contacts/import/$id" });
  const slow = usePace(true);
  const found = useQuery({
    ...importQuery(id),
    refetchInterval: ({ state }) => (state.data && runs(state.data) ? PACE : slow),
  });
  useTitle(t.people.import.title);
  const one = found.data;
  return (
    <div className="people-wide">
      <Link to="/contacts/import" className="back">
        <Icon name="back" />
        {t.people.import.title}
      </Link>
      <div className="page-head">
        <div>
          <h1>{t.people.import.one}</h1>
          {one ? (
            <p className="badges">
              <Badge tone={TONES[one.status]}>{t.people.import.statuses[one.status]}</Badge>
            </p>
          ) : null}
        </div>
      </div>
      {found.isPending ? <Loading lines={4} /> : null}
      {found.error ? <Problem error={found.error} retry={() => void found.refetch()} /> : null}
      {one ? <ResultCard one={one} /> : null}
    </div>
  );
}
