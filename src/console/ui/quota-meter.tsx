import { quotaShare } from "../../domain/quota-share.ts";
import type { QuotaState } from "../../schema/quota.ts";
import { percent } from "../state/format.ts";
import { exactOf, shortOf } from "../state/quotas.ts";
import { t } from "../texts.ts";

const width = 96;

/** How much of a quota is gone, in its own unit, and in words as well as in colour. */
export function QuotaMeter({ name, state }: { name: string; state: QuotaState }) {
  const used = state.used + state.reserved;
  const share = quotaShare(state);
  const tone = share >= 1 ? "bad" : share >= 0.8 ? "warn" : "";
  const label = t.quota(name);
  const textIn = (unit: (value: number) => string) => `${unit(used)} / ${unit(state.limit)}`;
  return (
    <span class="meter" title={`${label}: ${textIn(exactOf(name))} (${percent(share)})`}>
      <svg width={width} height="8" aria-hidden="true">
        <rect class="track" width={width} height="8" rx="4" />
        <rect
          class={`fill ${tone}`}
          width={Math.max(share > 0 ? 3 : 0, Math.min(1, share) * width)}
          height="8"
          rx="4"
        />
      </svg>
      <span class={tone}>{textIn(shortOf(name))}</span>
      <span class="hidden">{`${label}, ${percent(share)}`}</span>
    </span>
  );
}
