import { useEffect, useState } from "preact/hooks";
import { exactTime, relative } from "../state/format.ts";

const listeners = new Set<() => void>();
setInterval(() => {
  for (const listener of listeners) listener();
}, 15_000);

/** Renders anew each quarter of a minute. */
function useTicks(): void {
  const [, render] = useState(0);
  useEffect(() => {
    const tick = () => render((turn) => turn + 1);
    listeners.add(tick);
    return () => {
      listeners.delete(tick);
    };
  }, []);
}

/** `4 min ago`, with the exact time on hover. */
export function Ago({ at }: { at: string | undefined }) {
  useTicks();
  if (at === undefined) return null;
  return (
    <time dateTime={at} title={exactTime(at)}>
      {relative(Date.parse(at), Date.now())}
    </time>
  );
}
