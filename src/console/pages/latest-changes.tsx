import type * as z from "zod/mini";
import { escapeHidden } from "../../domain/hidden-characters.ts";
import type { AuditPage } from "../../schema/audit-event.ts";
import { may, useCaller } from "../state/caller.ts";
import { addressOf } from "../state/router.ts";
import { useKeyNames } from "../state/use-key-names.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { ProblemNote } from "../ui/problem.tsx";
import { Status } from "../ui/status.tsx";
import { Shown } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";

/** The last that happened, for whoever may read the trail. */
export function LatestChanges() {
  const isAdmin = may(useCaller(), "provisioning:admin");
  const path = isAdmin ? "/provisioning/audit?limit=40" : undefined;
  const trail = useQuery<z.infer<typeof AuditPage>>(path, { everyMs: 5_000 });
  const names = useKeyNames();
  if (!isAdmin) return null;
  const events = (trail.data?.events ?? [])
    .filter(({ phase, action }) => phase !== "intent" && action !== "request.read")
    .slice(0, 8);
  return (
    <section>
      <h2>{t.overview.live}</h2>
      <ProblemNote error={trail.error} again={trail.again} />
      <ul class="list">
        {events.map(({ seq, time, action, actor, target, outcome }) => (
          <li key={seq}>
            <a class="grow wrap" href={addressOf(["audit", String(seq)])}>
              {escapeHidden(action)} {target && <Shown text={target} />}
            </a>
            {outcome && outcome !== "success" && <Status value={outcome} />}
            <span class="small muted">
              <Shown text={names.get(actor) ?? actor} />, <Ago at={time} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
