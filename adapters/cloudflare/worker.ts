import { waitUntil } from "cloudflare:workers";
import type { App } from "../../src/app.ts";
import { newRequestId } from "../../src/domain/request-id.ts";
import { Problem } from "../../src/errors.ts";
import { respondProblem } from "../../src/http/respond.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import type { Bindings } from "./bindings.ts";
import { createConsoleLog } from "./console-log.ts";
import { deploymentFor, randomBytes } from "./deployment.ts";

export { AlertObject } from "./alert-object.ts";
export { AuditObject } from "./audit-object.ts";
export { LedgerObject } from "./ledger-object.ts";

/** Anybody may read the answer: it names the variables and shows no value. */
function notConfigured(error: unknown): unknown {
  if (!(error instanceof SettingsError)) return error;
  const named = error.message.match(/OPENCLAW_[A-Z_]+[A-Z]|\b(RECORDS|LEDGER|AUDIT|ALERTS)\b/g);
  const names = [...new Set(named)].join(", ");
  createConsoleLog("error")("error", error.message);
  const detail = `This deployment's settings are not complete (${names}). Its log says what each has to be.`;
  return new Problem("not_ready", detail);
}

export default {
  async fetch(request, env) {
    let app: App;
    try {
      ({ app } = await deploymentFor(env));
    } catch (error) {
      return respondProblem(notConfigured(error), newRequestId(randomBytes), createConsoleLog("info"));
    }
    const answer = app.fetch(request, { address: request.headers.get("cf-connecting-ip") ?? undefined });
    // A client that leaves ends what nothing holds: what was reserved would stay so, and a change be left half done.
    waitUntil(answer);
    return await answer;
  },

  /** The cron: settles what isolates left unfinished, and revokes what could not be revoked yet. */
  async scheduled(_event, env) {
    const { app, leftovers } = await deploymentFor(env);
    const maintained = await leftovers.during(() => app.maintain());
    app.context.log("info", "maintenance done", { ...maintained });
  },
} satisfies ExportedHandler<Bindings>;
