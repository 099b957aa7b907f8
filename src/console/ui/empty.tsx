import type { ComponentChildren } from "preact";

/** Stands for a list that has nothing: why it has nothing, and a way on. */
export const Empty = ({ title, hint, children }: { title: string; hint?: string; children?: ComponentChildren }) => (
  <div class="empty">
    <b>{title}</b>
    {hint !== undefined && <p class="muted">{hint}</p>}
    {children}
  </div>
);
