import { afterEach, beforeEach, expect, it } from "vitest";
import type { LedgerName } from "../../src/ports.ts";
import { createAlertSender } from "../../src/service/alerts/send-alerts.ts";
import { createWebhook } from "../../src/service/alerts/webhooks.ts";
import { alertsStand, operator } from "../alerts-stand.ts";
import { webhookReceiver } from "../webhook-receiver.ts";

const agents = 10_000;
let receiver: Awaited<ReturnType<typeof webhookReceiver>>;
let stand: Awaited<ReturnType<typeof alertsStand>>;

beforeEach(async () => {
  receiver = await webhookReceiver();
  stand = await alertsStand([receiver.entry]);
});
afterEach(async () => {
  await stand.close();
  await receiver.close();
});

it("10,000 agents that pass 80 % of their quotas at once are 10,000 alerts, each once", {
  timeout: 600_000,
}, async () => {
  await createWebhook(stand.context, operator, { url: receiver.url });
  const { ledger } = stand.context;
  await Promise.all(
    Array.from({ length: agents }, async (_, at) => {
      const counter = `ai-key:agent${at}/tokens` as LedgerName;
      const id = `ai-key:agent${at}/reservation:1` as LedgerName;
      await ledger.reserve(id, [{ counter, period: "2026-11", limit: 100, amount: 90, alertAt: [80] }]);
      await ledger.settle(id, { [counter]: 85 });
    }),
  );
  await Promise.all([stand.send(), createAlertSender(stand.context).run()]);
  expect(receiver.received).toHaveLength(agents);
  const told = receiver.received.map(({ headers, body }) => ({ id: headers["webhook-id"], ...JSON.parse(body) }));
  expect(new Set(told.map(({ id }) => id)).size).toBe(agents);
  expect(new Set(told.map(({ data }) => data.keyId)).size).toBe(agents);
  expect(told.every(({ type, data }) => type === "quota.threshold_reached" && data.used === 85)).toBe(true);
});
