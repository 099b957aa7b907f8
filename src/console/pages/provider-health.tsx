import type { AiProviderHealth, AiProviderView } from "../../schema/ai-provider.ts";
import { below } from "../state/api.ts";
import { exact } from "../state/format.ts";
import { useQuery } from "../state/use-query.ts";
import { t } from "../texts.ts";
import { Status } from "../ui/status.tsx";
import { Shown } from "../ui/text.tsx";
import { Ago } from "../ui/time.tsx";

const healthPath = ({ id }: AiProviderView): string => `/provisioning/ai-providers${below(id)}/health`;

/** The outcomes of recent metered calls. */
export function ProviderHealth({ of }: { of: AiProviderView }) {
  const { data } = useQuery<AiProviderHealth>(healthPath(of), { everyMs: 15_000 });
  if (!data) return <Status value={of.status} />;
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
  const { data } = useQuery<AiProviderHealth>(healthPath(of));
  return data ? <p class="note warn">{t.providers.cutsOff(data.agents)}</p> : null;
}

/** The number of agents whose keys are paid for by it; empty until it is known. */
export const AgentsOn = ({ of }: { of: AiProviderView }) => {
  const { data } = useQuery<AiProviderHealth>(healthPath(of));
  return <>{data && exact(data.agents)}</>;
};
