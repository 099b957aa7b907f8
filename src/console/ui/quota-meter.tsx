import type { QuotaState } from "../../schema/quota.ts";
import { exactOf, shortOf } from "../state/quotas.ts";
import { t } from "../texts.ts";
import { Meter } from "./meter.tsx";

/** How much of a quota is gone, in its own unit. */
export const QuotaMeter = ({ name, state }: { name: string; state: QuotaState }) => (
  <Meter
    used={state.used + state.reserved}
    limit={state.limit}
    label={t.quota(name)}
    unit={shortOf(name)}
    whole={exactOf(name)}
  />
);
