import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import { createApp } from "../../../src/app.ts";
import { addAiProvider } from "../../../src/service/ai-keys/ai-providers.ts";
import {
  changeAiProvider,
  revokeAiProvider,
  rotateAiProvider,
} from "../../../src/service/ai-keys/change-ai-provider.ts";
import type { Context } from "../../../src/service/context.ts";
import { writeAiProvider } from "../../../src/service/state/newest-ai-provider.ts";
import { aiProviderRecent } from "../../../src/storage/ledger-names.ts";
import { makeStateDir, token } from "../../server-process.ts";

let stateDir: string;
let opened: NodePorts;
let context: Context;
let id: string;
const caller = { actor: "test", operator: true, scopes: [] } as unknown as Parameters<typeof addAiProvider>[1];
beforeEach(async () => {
  stateDir = await makeStateDir();
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: token };
  const node = readNodeSettings(env);
  opened = await openNode(node, { env, log: () => {} });
  ({ context } = createApp(opened.ports, node.settings));
  const key = "sk-first-not-a-real-key";
  ({ id } = await addAiProvider(context, caller, { provider: "openai", name: "Master", key, verify: false }));
});
afterEach(async () => {
  await opened.close();
  rmSync(stateDir, { recursive: true });
});
const record = async () => (await context.records.get("ai-providers", id))!;

it("a change whose process died before it wrote the record is taken over by the next one", async () => {
  const next = { ...(await record()), hint: "sk-...died", version: 1 };
  await context.ledger.put(aiProviderRecent(id), JSON.stringify(next));
  await changeAiProvider(context, id, async ({ hint }) => expect(hint).toBe("sk-...died"));
  expect(await record()).toEqual(next);
});

it("a process that slept in between undoes nothing", async () => {
  const asleep = await record();
  await revokeAiProvider(context, caller, id);
  expect(await writeAiProvider(context, asleep, { hint: "sk-...slept" })).toBeUndefined();
  expect(await record()).toMatchObject({ revokedAt: expect.any(String), hint: expect.not.stringContaining("slept") });
  const key = "sk-second-not-a-real-key";
  await expect(rotateAiProvider(context, caller, id, { key, verify: false })).rejects.toMatchObject({
    code: "provider_revoked",
  });
});
