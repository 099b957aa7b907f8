import { setTimeout as sleep } from "node:timers/promises";
import { createInFlightElsewhere } from "../../src/service/operations/in-flight-elsewhere.ts";
import { linkPublisher } from "./agents-link.ts";
import type { ChangeMode } from "./files/store-check.ts";
import type { NodeSettings } from "./node-settings.ts";
import type { OpenServer } from "./open-server.ts";
import { requireUsable } from "./require-usable.ts";
import { type AlertTimer, startAlerts } from "./webhooks/alert-timer.ts";

/** Half a minute is what a claim of a dead process lasts at most. */
const maintenanceMs = 15_000;

/** The work of one process for the whole deployment: recovery and maintenance, alerts, word to the agents' gateway. */
export interface Tending {
  /**
   * Begins. Resolves once all that dead processes left has been looked at.
   * @param ready called once the service is ready
   */
  begin(ready?: () => void): Promise<void>;
  /** Settles at once what a process left that is known to have died. */
  now(): void;
  /** Nothing new begins, and failures are no news any more. */
  stop(): void;
  /** Ends the alerts under way; others send them. */
  close(): Promise<void>;
}

/**
 * Looks whether the stores can be worked with, and holds readiness until what was interrupted is settled.
 *
 * @throws SettingsError, Problem: what keeps it from starting, in words for the operator
 */
export async function prepareTending(
  { app, ports, stores, log }: OpenServer,
  node: NodeSettings,
  chmod: ChangeMode | undefined,
): Promise<Tending> {
  const warning = await stores.warning?.();
  if (warning) log("warn", warning.message, { remedy: warning.remedy });
  await requireUsable({ ports, stores }, node, chmod);
  const publish = node.agents && linkPublisher(node.agents, ports.sealKeys);
  publish?.();
  const isOver = createInFlightElsewhere(app.context);
  app.holdReadiness(isOver);
  // From here on others may be our own workers. A store that is away is asked again.
  await isOver().catch(() => false);

  let stopping = false;
  let tending: Promise<unknown> | undefined;
  let isDueAgain = false;
  let timer: NodeJS.Timeout | undefined;
  let alerts: AlertTimer | undefined;

  function tend(settled?: () => void): Promise<unknown> {
    tending ??= app
      .maintain(settled)
      .catch((cause) => stopping || log("error", "maintenance failed; it is tried again", { cause }))
      .finally(() => {
        tending = undefined;
        if (isDueAgain && !stopping) void tend();
        isDueAgain = false;
      });
    return tending;
  }

  async function becomeReady(ready: () => void): Promise<void> {
    while (!stopping && !(await app.recover().catch(() => false))) await sleep(1_000, undefined, { ref: false });
    if (!stopping) ready();
  }

  return {
    async begin(ready = () => {}) {
      await new Promise<void>((resolve) => void tend(resolve).then(() => resolve()));
      void becomeReady(ready);
      timer = setInterval(() => {
        try {
          publish?.();
        } catch (cause) {
          log("error", "the agents' gateway cannot be told who we are", { cause });
        }
        void tend();
      }, maintenanceMs);
      timer.unref();
      alerts = startAlerts(app.context);
    },
    now() {
      // One under way may have looked before, and may wait for a provider now.
      isDueAgain = tending !== undefined;
      void app.recover().catch(() => false);
    },
    stop() {
      stopping = true;
      clearInterval(timer);
    },
    close: async () => await alerts?.stop(),
  };
}
