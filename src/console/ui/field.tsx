import type { ComponentChildren, InputHTMLAttributes } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { escapeHidden } from "../../domain/hidden-characters.ts";

interface Labelled {
  label: string;
  hint?: ComponentChildren;
  /** The API's word on this field. */
  fault?: string | undefined;
}

/** The hint is no part of the name: it is read after it. */
function Around({ label, hint, fault, id, children }: Labelled & { id: string; children: ComponentChildren }) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      <span id={`${id}-hint`} class="small">
        {fault ? <span class="bad wrap">{escapeHidden(fault)}</span> : <span class="muted">{hint}</span>}
      </span>
    </div>
  );
}

interface InputProps {
  type?: "text" | "password" | "url" | "date";
  inputMode?: "decimal" | "numeric";
  placeholder?: string | undefined;
  pattern?: string;
  /** The browser shows it where the pattern does not fit. */
  title?: string;
  required?: boolean;
}

/** Hint and fault are read out with the field. */
export function TextField({
  label,
  hint,
  fault,
  value,
  onText,
  ...rest
}: Labelled &
  InputProps & {
    value: string;
    onText: (text: string) => void;
  }) {
  const id = useId();
  return (
    <Around label={label} hint={hint} fault={fault} id={id}>
      <input
        autocomplete="off"
        spellcheck={false}
        {...(rest as InputHTMLAttributes)}
        value={value}
        onInput={(event) => onText(event.currentTarget.value)}
        aria-invalid={fault ? "true" : undefined}
        id={id}
        aria-describedby={`${id}-hint`}
      />
    </Around>
  );
}

/** A filter that counts once it is typed to its end. Until then it stays as typed, whatever the page shows anew. */
export function FilterField({
  label,
  value,
  onText,
  ...rest
}: {
  label?: string;
  value: string;
  onText: (text: string) => void;
  type?: "date";
  placeholder?: string;
  size?: number;
}) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  return (
    <input
      aria-label={label}
      {...(rest as InputHTMLAttributes)}
      value={text}
      onInput={(event) => setText(event.currentTarget.value)}
      onChange={(event) => onText(event.currentTarget.value.trim())}
    />
  );
}

/** As `TextField`, of one of the `options`, each a value and its words. */
export function SelectField({
  label,
  hint,
  fault,
  value,
  onText,
  options,
}: Labelled & {
  value: string;
  onText: (text: string) => void;
  options: readonly (readonly [value: string, label: string])[];
}) {
  const id = useId();
  return (
    <Around label={label} hint={hint} fault={fault} id={id}>
      <select
        value={value}
        onChange={(event) => onText(event.currentTarget.value)}
        id={id}
        aria-describedby={`${id}-hint`}
      >
        {options.map(([one, text]) => (
          <option key={one} value={one}>
            {text}
          </option>
        ))}
      </select>
    </Around>
  );
}

export const Tick = ({
  label,
  checked,
  onTick,
}: {
  label: ComponentChildren;
  checked: boolean;
  onTick: (checked: boolean) => void;
}) => (
  <label class="tick">
    <input type="checkbox" checked={checked} onChange={(event) => onTick(event.currentTarget.checked)} />
    <span>{label}</span>
  </label>
);
