import type * as z from "zod/mini";
import { escapeHidden } from "../../domain/hidden-characters.ts";
import type { AuditVerification } from "../../schema/audit-event.ts";
import { ask } from "../state/api.ts";
import { exact } from "../state/format.ts";
import { t } from "../texts.ts";
import { ProblemNote } from "../ui/problem.tsx";
import { useChange } from "../ui/use-change.ts";

type Verdict = z.infer<typeof AuditVerification>;

/** Whether the trail is whole, and where it is not. */
export function VerifyTrail() {
  const change = useChange<Verdict>();
  const verdict = change.answer;
  return (
    <div class="bar">
      <button
        type="button"
        aria-disabled={change.busy}
        onClick={() => change.run(() => ask("/provisioning/audit/verify", { signal: AbortSignal.timeout(600_000) }))}
      >
        {change.busy ? t.audit.verifying : t.audit.verify}
      </button>
      <div role="status">
        {change.busy && <progress aria-label={t.audit.verifying} />}
        {verdict?.ok && <span class="ok">{t.audit.whole(exact(verdict.events))}</span>}
        {verdict?.fault && (
          <div class="note bad">
            <p class="wrap">{t.audit.broken(verdict.fault.line, escapeHidden(verdict.fault.reason))}</p>
            {verdict.fault.remedy && <p class="wrap">{escapeHidden(verdict.fault.remedy)}</p>}
          </div>
        )}
      </div>
      <ProblemNote error={change.error} />
    </div>
  );
}
