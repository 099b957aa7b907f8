import type { DoctorCheck } from "../../src/cli/doctor-report.ts";
import { allWebhooks } from "../../src/service/alerts/webhooks.ts";
import type { Context } from "../../src/service/context.ts";

/** One that was switched off by itself: nobody is told there any more. */
export async function webhookCheck(context: Context): Promise<DoctorCheck> {
  const name = "webhooks";
  const all = await allWebhooks(context);
  const off = all.filter(({ disabledReason }) => disabledReason !== undefined && disabledReason !== "operator");
  const [first] = off;
  if (!first) return { name, status: "ok", detail: `${all.length} set up` };
  const others = off.length === 1 ? "" : ` (and ${off.length - 1} more)`;
  return {
    name,
    status: "warning",
    detail: `${first.id} (${new URL(first.url).host}) was switched off: ${first.disabledReason}${others}`,
    remedy: `mend its receiver, then \`provisioning webhooks enable ${first.id}\``,
  };
}
