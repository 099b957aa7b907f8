import { escapeHidden } from "../../domain/hidden-characters.ts";

/** Text that a stranger may have chosen: what hides in it is shown, and it turns no text around it. */
export const Shown = ({ text, className }: { text: string; className?: string }) => (
  <bdi class={className}>{escapeHidden(text)}</bdi>
);
