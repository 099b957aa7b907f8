import { t } from "../texts.ts";

const tones: Record<string, string> = {
  ready: "ok",
  active: "ok",
  success: "ok",
  ok: "ok",
  on: "ok",
  delivered: "ok",
  pending: "warn",
  disabled: "warn",
  cordoned: "warn",
  dropped: "bad",
  suspended: "warn",
  needs_auth: "warn",
  expired: "warn",
  starting: "warn",
  warning: "warn",
  degraded: "warn",
  provider_revoked: "bad",
  failed: "bad",
  failure: "bad",
  failing: "bad",
  denied: "bad",
  revoked: "bad",
  error: "bad",
  missing: "bad",
};

/** A state by its word; the colour only says it again. */
export const Status = ({ value }: { value: string }) => (
  <span class={`pill ${tones[value] ?? "muted"}`}>{t.status[value] ?? value}</span>
);
