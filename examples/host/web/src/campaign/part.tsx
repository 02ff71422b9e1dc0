// What each part of the form gets, and small parts of it.
import { useId, type ReactNode } from "react";

import type { Draft } from "./draft";

export interface Part {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  /** What the host says of a field. */
  wrong: (field: string) => string | undefined;
}

/** One of a few, all of them seen. */
export function Choice<T extends string>({
  name,
  label,
  value,
  options,
  onChange,
}: {
  name: string;
  label: string;
  value: T;
  options: [T, string][];
  onChange: (value: T) => void;
}) {
  return (
    <fieldset className="campaign-choice">
      <legend className="field-label">{label}</legend>
      <div className="campaign-options">
        {options.map(([one, said]) => (
          <label key={one} className="campaign-option">
            <input
              type="radio"
              name={name}
              value={one}
              checked={one === value}
              onChange={() => onChange(one)}
            />
            <span>{said}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

/** Any number of a few. What is wrong with them is told by their group. */
export function Several<T extends string | number>({
  name,
  label,
  values,
  options,
  error,
  onChange,
}: {
  name: string;
  label: string;
  values: readonly T[];
  options: [T, string][];
  error?: string | undefined;
  onChange: (values: T[]) => void;
}) {
  const id = useId();
  return (
    <fieldset className="campaign-choice" aria-describedby={error ? id : undefined}>
      <legend className="field-label">{label}</legend>
      <div className="campaign-options campaign-several">
        {options.map(([one, said]) => (
          <label key={one} className="campaign-option">
            <input
              type="checkbox"
              name={name}
              value={one}
              checked={values.includes(one)}
              aria-invalid={error ? true : undefined}
              onChange={(event) =>
                onChange(event.target.checked ? [...values, one] : values.filter((other) => other !== one))
              }
            />
            <span>{said}</span>
          </label>
        ))}
      </div>
      {error ? (
        <p id={id} className="field-hint people-wrong" lang="en">
          {error}
        </p>
      ) : null}
    </fieldset>
  );
}

export function Switch({
  name,
  checked,
  onChange,
  children,
}: {
  name: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  children: ReactNode;
}) {
  return (
    <label className="people-check">
      <input
        type="checkbox"
        name={name}
        checked={checked}
        onChange={(event) => onChange(event.target.checked)}
      />
      <span>{children}</span>
    </label>
  );
}
