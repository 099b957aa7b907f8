import type { AiProviderHealth, AiProviderView } from "../../schema/ai-provider.ts";
import { below } from "../state/api.ts";
import { exact } from "../state/format.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { ProblemNote } from "../ui/problem.tsx";
import { Status } from "../ui/status.tsx";
import { Shown } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";

const healthPath = ({ id }: AiProviderView): string => `/provisioning/ai-providers${below(id)}/health`;

/** The outcomes of recent metered calls. */
export function ProviderHealth({ of }: { of: AiProviderView }) {
  const { data, error } = useQuery<AiProviderHealth>(healthPath(of), { everyMs: 15_000 });
  if (!data) {
    return (
      <div>
        <Status value={of.status} />
        {error && <Shown text={error.message} className="small warn wrap" />}
      </div>
    );
  }
  const { status, detail, failures1h, lastFailure } = data;
  return (
    <div>
      <Status value={status} />
      {detail && <Shown text={detail} className="small warn wrap" />}
      {failures1h > 0 && (
        <div class="small muted">
          {t.providers.failures(exact(failures1h))} {lastFailure?.code} <Ago at={lastFailure?.at} />
        </div>
      )}
    </div>
  );
}

/** How many agents a revocation cuts off. */
export function CutsOff({ of }: { of: AiProviderView }) {
  const { data, error, again } = useQuery<AiProviderHealth>(healthPath(of));
  if (!data) return <ProblemNote error={error} again={again} />;
  return <p class="note warn">{t.providers.cutsOff(data.agents)}</p>;
}

/** The number of agents whose keys are paid for by it; empty until it is known. */
export const AgentsOn = ({ of }: { of: AiProviderView }) => {
  const { data } = useQuery<AiProviderHealth>(healthPath(of));
  return <>{data && exact(data.agents)}</>;
};
