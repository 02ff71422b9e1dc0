// The list of addresses that nothing is sent to, and how one gets on it and off it.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { api, finished } from "../api/client";
import { useSay, word } from "../i18n";
import { useNames } from "../inbox/queries";
import { Field } from "../people/field";
import { channelName } from "../people/words";
import { Confirm } from "../ui/confirm";
import { FormDialog } from "../ui/form-dialog";
import { Icon } from "../ui/icon";
import { EVERY, type Suppression } from "./queries";

export const CHANNELS = ["email", "sms", "telegram", "whatsapp"];

function Row({ one, onLift }: { one: Suppression; onLift: (() => void) | null }) {
  const say = useSay();
  const { t, moment } = say;
  const name = useNames();
  const words = t.office.suppressions;
  return (
    <tr data-channel={one.channel} data-address={one.address}>
      <th scope="row">{one.address || <span className="faint">{words.unknown}</span>}</th>
      <td data-label={words.channel}>{channelName(one.channel, say)}</td>
      <td data-label={words.why}>{word(t.people.consent.reasons, one.reason)}</td>
      <td data-label={words.by}>
        {one.created_by === "system" ? words.worker : (name(one.created_by) ?? one.created_by)}
      </td>
      <td data-label={words.since} className="nowrap">
        {moment(one.created_at)}
      </td>
      <td className="office-end">
        {onLift ? (
          <button type="button" className="button button-small" data-lift onClick={onLift}>
            {words.lift}
          </button>
        ) : null}
      </td>
    </tr>
  );
}

export function SuppressionTable({
  items,
  stale,
  mayLift,
  onLift,
}: {
  items: Suppression[];
  stale: boolean;
  mayLift: boolean;
  onLift: (one: Suppression) => void;
}) {
  const { t } = useSay();
  const words = t.office.suppressions;
  return (
    <table
      className={stale ? "table table-stack office-table office-stale" : "table table-stack office-table"}
      aria-label={words.title}
      aria-busy={stale}
    >
      <thead>
        <tr>
          <th scope="col">{words.address}</th>
          <th scope="col">{words.channel}</th>
          <th scope="col">{words.why}</th>
          <th scope="col">{words.by}</th>
          <th scope="col">{words.since}</th>
          <td />
        </tr>
      </thead>
      <tbody>
        {items.map((one, index) => (
          <Row
            key={one.address ? `${one.channel} ${one.address}` : `${one.channel} ${index}`}
            one={one}
            // Nobody can open an address that nobody knows.
            onLift={mayLift && one.address ? () => onLift(one) : null}
          />
        ))}
      </tbody>
    </table>
  );
}

/** Asks before an address is opened. */
export function Lift({
  one,
  onDone,
  onClose,
}: {
  one: Suppression | null;
  onDone: () => void;
  onClose: () => void;
}) {
  const say = useSay();
  const { t, fill } = say;
  const words = t.office.suppressions;
  const client = useQueryClient();
  const lift = useMutation({
    mutationFn: ({ channel, address }: Suppression) =>
      finished(api.POST("/api/suppressions/lift", { body: { channel, address } })),
    onSuccess: onDone,
    onSettled: () => client.invalidateQueries({ queryKey: ["suppressions"] }),
  });
  return (
    <Confirm
      question={
        one
          ? {
              title: fill(words.liftTitle, { address: one.address }),
              body:
                one.channel === EVERY
                  ? words.liftErased
                  : fill(words.liftBody, { channel: channelName(one.channel, say) }),
              yes: words.liftYes,
              dangerous: true,
            }
          : null
      }
      busy={lift.isPending}
      error={lift.error}
      onYes={() => one && lift.mutate(one)}
      onNo={() => {
        lift.reset();
        onClose();
      }}
    />
  );
}

export function AddSuppression({ onDone }: { onDone: () => void }) {
  const { t } = useSay();
  const words = t.office.suppressions;
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  const add = useMutation({
    mutationFn: (body: { channel: string; address: string; reason: string }) =>
      finished(api.POST("/api/suppressions", { body })),
    onSuccess: () => {
      setOpen(false);
      onDone();
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["suppressions"] }),
  });
  return (
    <>
      <button type="button" className="button button-primary" onClick={() => setOpen(true)}>
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
        fields={["channel", "address", "reason"]}
        onClose={() => {
          add.reset();
          setOpen(false);
        }}
        onSubmit={(given) =>
          add.mutate({ channel: given("channel"), address: given("address"), reason: given("reason").trim() })
        }
      >
        {(wrong) => (
          <>
            <Field label={words.channel} error={wrong("channel")}>
              {(described) => (
                <select name="channel" {...described}>
                  {CHANNELS.map((one) => (
                    <option key={one} value={one}>
                      {word(t.channel, one)}
                    </option>
                  ))}
                </select>
              )}
            </Field>
            <Field label={words.address} error={wrong("address")}>
              {(described) => (
                <input name="address" autoComplete="off" spellCheck={false} maxLength={500} {...described} />
              )}
            </Field>
            <Field label={words.addReason} error={wrong("reason")}>
              {(described) => <input name="reason" autoComplete="off" maxLength={500} {...described} />}
            </Field>
          </>
        )}
      </FormDialog>
    </>
  );
}
