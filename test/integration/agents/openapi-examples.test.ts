import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openLocal } from "../../../adapters/node/open-local.ts";
import type { LocalSession } from "../../../src/cli/environment.ts";
import { requestExamples } from "../../../src/openapi/examples.ts";
import { routes } from "../../../src/routes.ts";
import { makeAgentByHand } from "../../agent-by-hand.ts";

let stateDir: string;
let session: LocalSession;

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openapi-examples-"));
  const webhooks = { allow: ["hooks.example.org:443"] };
  const config = { gateway: { provisioning: { enabled: true, allowDelete: true, webhooks } } };
  await writeFile(join(stateDir, "config.json"), JSON.stringify(config), { mode: 0o600 });
  for (const agentId of byHand) await makeAgentByHand(stateDir, agentId);
  session = await openLocal({ OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" });
});

afterAll(async () => {
  await session?.close();
  await rm(stateDir, { recursive: true, force: true });
});

const byHand = ["theirs-2", "theirs-1"];

/** On which agent or key an example works: one that an earlier example made. */
const subjects: Record<string, (made: Map<string, { id?: string; agentId?: string }>) => string | undefined> = {
  rotateAiProvider: (made) => made.get("addAiProvider anthropic")?.id,
  rotateAgentKey: (made) => made.get("createAgentKey automation")?.id,
  updateAgent: (made) => made.get("createAgent withAiKey")?.agentId,
  creditAgent: (made) => made.get("createAgent withAiKey")?.agentId,
  rotateAiKey: (made) => made.get("createAgent withAiKey")?.agentId,
  adoptAgent: () => byHand.pop(),
  addAiKey: (made) => made.get("createAgent simple")?.agentId,
  moveAiKey: (made) => made.get("createAgent withAiKey")?.agentId,
  onboardAgent: (made) => made.get("createAgent simple")?.agentId,
  updateWebhook: (made) => made.get("createWebhook signed")?.id,
  rotateWebhookSecret: (made) => made.get("createWebhook signed")?.id,
  deleteAgent: (made) => made.get("createAgent simple")?.agentId,
};

it("every example of the document is accepted, and answered as the document says", async () => {
  const made = new Map<string, { id?: string; agentId?: string }>();
  for (const [operationId, named] of Object.entries(requestExamples)) {
    const route = routes.find((one) => one.operationId === operationId)!;
    for (const [name, { value }] of Object.entries(named)) {
      const what = `${operationId} ${name}`;
      const path = route.path.replace(":id", subjects[operationId]?.(made) ?? "");
      const response = await session.fetch(
        new Request(`http://localhost${session.basePath}${path}`, {
          method: route.method,
          body: JSON.stringify(value),
        }),
      );
      const body = await response.json();
      expect({ what, status: response.status, body }).toMatchObject({ what, status: route.response.status });
      const parsed = route.response.schema.safeParse(body);
      expect(parsed.error?.issues ?? [], what).toEqual([]);
      made.set(what, body);
    }
  }
  expect(made.size).toBeGreaterThan(10);
});
