import type * as z from "zod/mini";
import type { AuditPage } from "../../schema/audit-event.ts";
import { withQuery } from "../state/api.ts";
import { may, useCaller } from "../state/caller.ts";
import { addressOf } from "../state/router.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { ProblemNote } from "../ui/problem.tsx";
import { AuditTable } from "./audit-table.tsx";

/** The last that the trail says of it. */
export function AgentTrail({ id }: { id: string }) {
  const caller = useCaller();
  const isAdmin = may(caller, "provisioning:admin");
  const path = isAdmin ? withQuery("/provisioning/audit", { target: id, limit: 20 }) : undefined;
  const trail = useQuery<z.infer<typeof AuditPage>>(path);
  if (!isAdmin) return null;
  return (
    <section class="section">
      <h2>{t.agent.trail}</h2>
      <ProblemNote error={trail.error} again={trail.again} />
      {trail.data && <AuditTable events={trail.data.events} />}
      <p class="pager small">
        <a href={addressOf(["audit"], { target: id })}>{t.agent.allTrail}</a>
      </p>
    </section>
  );
}
