import type { Context } from "../context.ts";
import { withAuditAlerts } from "./audit-alerts.ts";
import { withExpiryAlerts } from "./expiry-alerts.ts";

/** The context, whose trail and records tell webhooks what an operator has to know. */
export const withAlerts = (context: Context): Context => ({
  ...context,
  audit: withAuditAlerts(context),
  records: withExpiryAlerts(context),
});
