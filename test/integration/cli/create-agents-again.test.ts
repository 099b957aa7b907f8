import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { type App, createApp } from "../../../src/app.ts";
import { callAsOperator } from "../../call-as-operator.ts";
import { runCli } from "../../unit/run-cli.ts";

let stateDir: string;
let node: NodePorts;
let app: App;
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-again-"));
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const settings = readNodeSettings(env);
  node = await openNode(settings, { env, log: () => undefined });
  app = createApp(node.ports, settings.settings);
});
afterEach(async () => {
  await node.close();
  await rm(stateDir, { recursive: true, force: true });
});

const create = (content: string) =>
  runCli(
    ["provisioning", "agents", "create", "--from", "f.json"],
    {},
    {
      readFile: async () => content,
      openLocal: async () =>
        ({
          fetch: (request: Request) => app.fetchAsOperator(request) as Promise<Response>,
          basePath: "/api/v1",
          exclusively: (work: () => Promise<unknown>) => work(),
          close: async () => undefined,
        }) as never,
    },
  );

const oneAgent = (maxTokensPerMonth: number) =>
  JSON.stringify([
    {
      name: "Ours One",
      model: "anthropic/claude",
      bind: ["telegram"],
      labels: { tenant: "x" },
      expiresAt: "2050-06-01T00:00:00+02:00",
      identity: { name: "Ada", emoji: "A" },
      autoProvisionAiKey: {
        provider: "anthropic",
        quotas: { maxTokensPerMonth },
        models: ["claude"],
        expiresAt: "2050-06-01T00:00:00+02:00",
      },
    },
  ]);

it("a file that was run is taken as done when it is run again, also where its AI provider's default is stricter", async () => {
  const defaultQuotas = { maxTokensPerMonth: 500, maxUsdPerMonth: 10 };
  const provider = { provider: "anthropic", name: "A", key: "sk-not-a-real-key-0000", verify: false, defaultQuotas };
  expect((await callAsOperator(app, "POST", "/provisioning/ai-providers", provider)).status).toBe(201);
  const first = await create(oneAgent(1000));
  expect([first.exitCode, first.stdout]).toEqual([0, expect.stringContaining("1 agent is created")]);
  const second = await create(oneAgent(1000));
  expect([second.exitCode, second.stdout]).toEqual([0, expect.stringContaining("1 was there already")]);
  // Stricter than the default is stricter than the file by somebody's own wish.
  const quotas = { maxTokensPerMonth: 400 };
  expect((await callAsOperator(app, "PATCH", "/agents/ours-one", { quotas })).status).toBe(200);
  const third = await create(oneAgent(1000));
  expect(third.exitCode).toBe(1);
  expect(third.stdout).toContain("differs in autoProvisionAiKey.quotas.maxTokensPerMonth");
});
