/** A button of one row; a screen reader hears which row's. */
export const RowAction = ({
  label,
  of,
  danger = false,
  busy = false,
  onClick,
}: {
  label: string;
  /** The row's name. */
  of: string;
  danger?: boolean;
  /** It stays where the focus is. */
  busy?: boolean;
  onClick: () => void;
}) => (
  <button type="button" class={danger ? "danger" : undefined} aria-disabled={busy} onClick={onClick}>
    {label}
    <span class="hidden"> {of}</span>
  </button>
);
