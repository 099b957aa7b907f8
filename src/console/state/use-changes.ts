import { useEffect } from "preact/hooks";
import { may, useCaller } from "./caller.ts";
import { agentsChanged, keysChanged, providersChanged, trailChanged, webhooksChanged } from "./changed.ts";
import { followEvents } from "./events.ts";

const changes: [action: RegExp, changed: () => void][] = [
  [/^agent\./, agentsChanged],
  [/^(provisioning-key|console)\./, keysChanged],
  [/^ai-provider\./, providersChanged],
  [/^webhook\./, webhooksChanged],
  // Asking for the trail is a read that it tells of; with an agent it is asked for anyway.
  [/^(?!request\.read|agent\.)/, trailChanged],
];
/** Several changes that come together make the pages ask once. */
const gatherMs = 250;

/** Data that others change is asked for again where it is shown. */
export function useChanges(): void {
  const caller = useCaller();
  const follows = may(caller, "provisioning:admin") && caller.reach === "all";
  useEffect(() => {
    if (!follows) return;
    const ended = new AbortController();
    const due = new Set<() => void>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tell = () => {
      timer = undefined;
      for (const changed of due) changed();
      due.clear();
    };
    const gather = (isDue: (action: RegExp) => boolean) => {
      for (const [action, changed] of changes) if (isDue(action)) due.add(changed);
      if (due.size > 0) timer ??= setTimeout(tell, gatherMs);
    };
    let wasLost = false;
    void followEvents(
      "/events?types=audit",
      ended.signal,
      ({ data }) => {
        const { action, phase } = data as { action: string; phase: string };
        if (phase !== "intent") gather((pattern) => pattern.test(action));
      },
      (live) => {
        if (ended.signal.aborted) return;
        // A stream that had told of nothing yet begins anew with what comes next.
        if (live && wasLost) gather(() => true);
        wasLost = !live;
      },
    );
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [follows]);
}
