// One line of a form, with what the host says of it beside it.
import { useId, type ReactNode } from "react";

export function Field({
  label,
  hint,
  error,
  children,
}: {
  label: string;
  hint?: ReactNode;
  error?: string | undefined;
  /** Gets what describes the input, and whether it is wrong. */
  children: (described: { "aria-describedby"?: string; "aria-invalid"?: true }) => ReactNode;
}) {
  const id = useId();
  const described = hint || error ? { "aria-describedby": id } : {};
  return (
    <label className="field">
      <span className="field-label">{label}</span>
      {children({ ...described, ...(error ? { "aria-invalid": true as const } : {}) })}
      {hint || error ? (
        <span id={id} className="field-hint">
          {error ? (
            <span className="people-wrong" lang="en">
              {error}
            </span>
          ) : (
            hint
          )}
        </span>
      ) : null}
    </label>
  );
}
