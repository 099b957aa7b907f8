export type AlertSeverity = "info" | "warning" | "critical";

/** Every event that a webhook can be told, and how urgent it is. */
export const alertTypes = {
  "quota.threshold_reached": "warning",
  "quota.exhausted": "critical",
  "quota.raised": "info",
  "ai_key.expiring": "warning",
  "ai_key.rotated": "info",
  "ai_key.suspended": "info",
  "ai_key.resumed": "info",
  "provisioning_key.expiring": "warning",
  "provisioning_key.created": "info",
  "provisioning_key.revoked": "info",
  "provisioning_key.rotated": "info",
  "provisioning_key.unused": "info",
  "provider.failing": "critical",
  "provider.recovered": "info",
  "provider.revoked": "warning",
  "agent.created": "info",
  "agent.deleted": "info",
  "agent.failed": "warning",
  "audit.broken": "critical",
  "audit.unwritable": "critical",
  "revocation.stuck": "critical",
  "gateway.unreachable": "critical",
  "gateway.recovered": "info",
  "spend.unpriced_model": "warning",
  "webhook.disabled": "critical",
  "webhook.test": "info",
} as const satisfies Record<string, AlertSeverity>;

export type AlertType = keyof typeof alertTypes;

/** An endpoint that names no events is told these. */
export const defaultEvents = [
  "quota.*",
  "*.expiring",
  "provider.failing",
  "provider.recovered",
  "audit.*",
  "revocation.stuck",
  "gateway.*",
] as const;

/** Whether `pattern` (`quota.*`, `*.expiring`, `*`, or a type itself) covers the type. */
function coversAlert(pattern: string, type: string): boolean {
  if (pattern === "*") return true;
  if (pattern.endsWith(".*")) return type.startsWith(pattern.slice(0, -1));
  if (pattern.startsWith("*.")) return type.endsWith(pattern.slice(1));
  return pattern === type;
}

/** Whether an endpoint of these patterns is told of the type: that another one was disabled, every endpoint is told. */
export const isToldOf = (patterns: readonly string[], type: string): boolean =>
  type === "webhook.disabled" || patterns.some((pattern) => coversAlert(pattern, type));

/** Whether it covers any type that there is; `*` does. */
export const isAlertPattern = (pattern: string): boolean =>
  Object.keys(alertTypes).some((type) => coversAlert(pattern, type));
