import { useEffect, useState } from "preact/hooks";
import { exactTime, relative } from "../state/format.ts";

const listeners = new Set<() => void>();
setInterval(() => {
  for (const listener of listeners) listener();
}, 15_000);

/** The time, anew each quarter of a minute. */
function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const tick = () => setNow(Date.now());
    listeners.add(tick);
    return () => {
      listeners.delete(tick);
    };
  }, []);
  return Math.max(now, Date.now() - 15_000);
}

/** `4 min ago`, with the exact time on hover. */
export function Ago({ at }: { at: string | undefined }) {
  useNow();
  if (at === undefined) return null;
  return (
    <time dateTime={at} title={exactTime(at)}>
      {relative(Date.parse(at), Date.now())}
    </time>
  );
}
