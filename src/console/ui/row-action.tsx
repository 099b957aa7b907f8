/** A button of one row; a screen reader hears which row's. */
export const RowAction = ({
  label,
  of,
  danger = false,
  disabled = false,
  onClick,
}: {
  label: string;
  /** The row's name. */
  of: string;
  danger?: boolean;
  disabled?: boolean;
  onClick: () => void;
}) => (
  <button type="button" class={danger ? "danger" : undefined} disabled={disabled} onClick={onClick}>
    {label}
    <span class="hidden"> {of}</span>
  </button>
);
