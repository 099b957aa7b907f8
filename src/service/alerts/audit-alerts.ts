import type { AlertType } from "../../domain/alert-types.ts";
import type { AuditEvent } from "../../domain/audit-event.ts";
import { Problem, type ProblemCode, problemCodes } from "../../errors.ts";
import type { AuditTrail } from "../../ports.ts";
import type { Context } from "../context.ts";
import { type AlertToRaise, keepAlert } from "./raise-alert.ts";

/** The alert type that tells the end of a change, and its name for the change's target. */
const told: Record<string, readonly [AlertType, subject: "agentId" | "keyId" | "aiProviderId"]> = {
  "agent.create": ["agent.created", "agentId"],
  "agent.delete": ["agent.deleted", "agentId"],
  "agent.suspend": ["ai_key.suspended", "agentId"],
  "agent.resume": ["ai_key.resumed", "agentId"],
  "ai-key.rotate": ["ai_key.rotated", "agentId"],
  "ai-provider.revoke": ["provider.revoked", "aiProviderId"],
  "provisioning-key.create": ["provisioning_key.created", "keyId"],
  "provisioning-key.revoke": ["provisioning_key.revoked", "keyId"],
  "provisioning-key.rotate": ["provisioning_key.rotated", "keyId"],
};

const isOurs = (code: unknown): boolean =>
  problemCodes.includes(code as ProblemCode) && new Problem(code as ProblemCode).status >= 500;

/** The alert of an event of the trail. The operation is its cause: whoever recovers it tells of the same one. */
function alertOf({
  phase,
  action,
  outcome,
  operationId,
  target,
  actor,
  details,
}: AuditEvent): AlertToRaise | undefined {
  if (phase !== "outcome" || operationId === undefined || target === undefined) return undefined;
  const code = details?.recovered === "undone" ? "interrupted" : details?.code;
  if (action === "agent.create" && outcome === "failure" && isOurs(code)) {
    const data = { agentId: target, actor, code };
    return { type: "agent.failed", cause: [operationId], data };
  }
  const found = outcome === "success" ? told[action] : undefined;
  if (found === undefined) return undefined;
  const [type, subject] = found;
  return { type, cause: [operationId], data: { [subject]: target, actor } };
}

/** As long as the trail cannot be written, one alert an hour says so, whichever process meets it. */
const hourMs = 3_600_000;

/**
 * The trail, whose events are told to webhooks. The alert is stored before the event is: a process that dies in between
 * leaves the outcome to recovery, which tells of the same operation again.
 */
export function withAuditAlerts(context: Context): AuditTrail {
  const { audit, clock } = context;
  let unwritableIn: number | undefined;

  async function watched<T>(write: () => Promise<T>): Promise<T> {
    try {
      const result = await write();
      unwritableIn = undefined;
      return result;
    } catch (error) {
      const hour = Math.floor(clock.now() / hourMs);
      if (unwritableIn !== hour) {
        unwritableIn = hour;
        const alert: AlertToRaise = { type: "audit.unwritable", cause: [hour], data: {} };
        // The outbox may be where the trail is, and away with it.
        await keepAlert(context, alert, () => {
          unwritableIn = undefined;
        });
      }
      throw error;
    }
  }

  return {
    ...audit,
    async append(event) {
      const alert = alertOf(event);
      // A creation whose outcome cannot be written is undone: of that alone nothing is told before.
      const comesAfter = alert?.type === "agent.created";
      if (alert && !comesAfter) await keepAlert(context, alert);
      await watched(() => audit.append(event));
      if (alert && comesAfter) await keepAlert(context, alert);
    },
    check: () => watched(() => audit.check()),
    async verify(options) {
      const verdict = await audit.verify(options);
      if (verdict.fault) {
        const { line, reason, file, remedy } = verdict.fault;
        const data = {
          line,
          detail: reason,
          ...(file !== undefined && { file }),
          ...(remedy !== undefined && { remedy }),
        };
        await keepAlert(context, { type: "audit.broken", cause: [file ?? "", line, reason], data });
      }
      return verdict;
    },
  };
}
