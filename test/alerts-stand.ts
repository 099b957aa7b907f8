import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readNodeSettings } from "../adapters/node/node-settings.ts";
import { openNode } from "../adapters/node/open-node.ts";
import { openSqliteLedger } from "../adapters/node/sqlite/sqlite-ledger.ts";
import { createAlertSender } from "../src/service/alerts/send-alerts.ts";
import { createWebhook, deleteWebhook } from "../src/service/alerts/webhooks.ts";
import { withAlerts } from "../src/service/alerts/with-alerts.ts";
import type { Caller } from "../src/service/caller.ts";
import { bareContext } from "./bare-context.ts";
import { settableClock } from "./conformance/settable-clock.ts";
import { webhookReceiver } from "./webhook-receiver.ts";

export const operator: Caller = { actor: "cli", scopes: [], reach: "all", operator: true, requestId: "r" };

/** The services on files, under a clock of the test's own. */
export async function alertsStand(allow: string[]) {
  const stateDir = mkdtempSync(join(tmpdir(), "openclaw-alerts-"));
  const node = readNodeSettings({ OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" });
  node.settings.provisioning.webhooks.allow = allow;
  const logs: { level: string; message: string; fields?: Record<string, unknown> | undefined }[] = [];
  const opened = await openNode(node, {
    env: {},
    log: (level, message, fields) => void logs.push({ level, message, fields }),
  });
  const clock = settableClock();
  const ledger = await openSqliteLedger({ path: join(stateDir, "provisioning", "alerts-stand.sqlite"), clock });
  const running = new Set<Promise<unknown>>();
  const bare = bareContext({
    ...opened.ports,
    background(work) {
      running.add(work);
      work.catch(() => undefined).finally(() => running.delete(work));
    },
    clock,
    ledger,
    outbox: ledger.outbox,
    settings: node.settings,
  });
  const context = withAlerts(bare);
  const sender = createAlertSender(context);
  return {
    context,
    clock,
    logs,
    stateDir,
    send: () => sender.run(),
    /** Until nothing runs in the background. */
    async idle(): Promise<void> {
      while (running.size > 0) await Promise.allSettled([...running]);
    },
    /** Sends what is due, and shows what of it a webhook of these events was told. */
    async toldTo(events: string[]) {
      const receiver = await webhookReceiver();
      context.settings.provisioning.webhooks.allow = [receiver.entry];
      const { id } = await createWebhook(context, operator, { url: receiver.url, events });
      await sender.run();
      await deleteWebhook(context, operator, id);
      await receiver.close();
      return {
        webhooksTold: receiver.received.map(({ body }) => JSON.parse(body) as { type: string; data: object }),
      };
    },
    pass(ms: number): void {
      clock.set(clock.now() + ms);
    },
    async events(action: string) {
      const { events } = await context.audit.read({ limit: 100, filter: { action } });
      return events;
    },
    async close(): Promise<void> {
      await this.idle();
      await opened.close();
      await ledger.close();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

/** The same with two receivers that it may send to. */
export async function alertsStandOfTwo() {
  const [receiver, other] = await Promise.all([webhookReceiver(), webhookReceiver()]);
  const stand = await alertsStand([receiver.entry, other.entry]);
  const close = async () => {
    await stand.close();
    await Promise.all([receiver.close(), other.close()]);
  };
  return { receiver, other, stand, close };
}
