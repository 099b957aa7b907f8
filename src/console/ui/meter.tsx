import { exact, percent, short } from "../state/format.ts";

const width = 96;

/** How much of a limit is gone, in words as well as in colour. */
export function Meter({
  used,
  limit,
  label,
  unit = short,
  whole = exact,
}: {
  used: number;
  limit: number;
  label: string;
  unit?: (value: number) => string;
  whole?: (value: number) => string;
}) {
  const share = limit === 0 ? 1 : used / limit;
  const tone = share >= 1 ? "bad" : share >= 0.8 ? "warn" : "";
  const text = `${unit(used)} / ${unit(limit)}`;
  return (
    <span class="meter" title={`${label}: ${whole(used)} / ${whole(limit)} (${percent(share)})`}>
      <svg width={width} height="8" aria-hidden="true">
        <rect class="track" width={width} height="8" rx="4" />
        <rect
          class={`fill ${tone}`}
          width={Math.max(share > 0 ? 3 : 0, Math.min(1, share) * width)}
          height="8"
          rx="4"
        />
      </svg>
      <span class={tone}>{text}</span>
      <span class="hidden">{`${label}, ${percent(share)}`}</span>
    </span>
  );
}
