import type { z } from "zod/mini";
import type { AgentList } from "../../schema/agent.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { ProblemNote } from "../ui/problem.tsx";
import { Waiting } from "../ui/table.tsx";
import { FirstSteps } from "./first-steps.tsx";

/** Is anything wrong, and who is near a limit? */
export function Overview() {
  const agents = useQuery<z.infer<typeof AgentList>>("/agents?limit=1");
  return (
    <>
      <div class="head">
        <h1>{t.overview.title}</h1>
      </div>
      <ProblemNote error={agents.error} again={agents.again} />
      {agents.loading ? <Waiting /> : <FirstSteps />}
    </>
  );
}
