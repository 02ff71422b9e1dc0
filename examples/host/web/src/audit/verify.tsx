// Whether the chain is what was sealed. It is checked by the host, from the first event to the last.
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { api, told } from "../api/client";
import { save } from "../api/download";
import { useSay } from "../i18n";
import { Icon } from "../ui/icon";
import { Notice, Problem } from "../ui/parts";

export function useVerify() {
  return useMutation({ mutationFn: () => told(api.GET("/api/audit/verify")) });
}

export function VerifyButton({ verify }: { verify: ReturnType<typeof useVerify> }) {
  const { t } = useSay();
  return (
    <button
      type="button"
      className="button"
      data-verify
      aria-busy={verify.isPending}
      aria-disabled={verify.isPending}
      onClick={() => {
        if (!verify.isPending) verify.mutate();
      }}
    >
      <Icon name="check" />
      {verify.isPending ? t.audit.verify.busy : t.audit.verify.button}
    </button>
  );
}

export function Verified({ verify }: { verify: ReturnType<typeof useVerify> }) {
  const { t, fill, number, count } = useSay();
  const words = t.audit.verify;
  const found = verify.data;
  if (verify.error) return <Problem error={verify.error} retry={() => verify.mutate()} />;
  if (!found) return null;
  if (!found.valid) {
    const place = found.first_bad ?? 1;
    return (
      <Notice tone="bad" title={words.bad}>
        <p>{fill(words.badBody, { n: number(place) })}</p>
        <p>
          <Link to="/audit" search={{ order: "oldest", ...(place > 1 ? { at: place - 1 } : {}) }}>
            {words.badLink}
          </Link>
        </p>
      </Notice>
    );
  }
  const { checkpoint } = found;
  return (
    <Notice tone="good" title={words.good}>
      <p>{fill(words.goodBody, { n: count(found.events, t.audit.counted.events) })}</p>
      <p>
        {fill(words.end, { n: number(checkpoint.position) })} <code>{checkpoint.hash}</code>
      </p>
      <p>{words.keepHint}</p>
      <button
        type="button"
        className="button button-small"
        onClick={() => {
          const text = `${JSON.stringify(checkpoint, null, 2)}\n`;
          save(new Blob([text], { type: "application/json" }), `checkpoint-${checkpoint.position}.json`);
        }}
      >
        <Icon name="download" />
        {words.keep}
      </button>
    </Notice>
  );
}
