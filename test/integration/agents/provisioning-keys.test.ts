import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { readNodeSettings } from "../../../adapters/node/node-settings.ts";
import { type NodePorts, openNode } from "../../../adapters/node/open-node.ts";
import type { Caller } from "../../../src/service/caller.ts";
import type { Context } from "../../../src/service/context.ts";
import { currentProvisioningKey } from "../../../src/service/provisioning-keys/current-provisioning-key.ts";
import {
  createProvisioningKey,
  revokeProvisioningKey,
  rotateProvisioningKey,
} from "../../../src/service/provisioning-keys/provisioning-keys.ts";
import { keyLedger } from "../../../src/storage/ledger-names.ts";
import { bareContext } from "../../bare-context.ts";

const operator: Caller = { actor: "cli", scopes: [], reach: "all", operator: true, requestId: "r" };

let stateDir: string;
let node: NodePorts;
let context: Context;
let id: string;
/** Runs before the trail takes the intent of this action. */
let before: Record<string, () => Promise<unknown>>;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "openclaw-keys-"));
  const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_GATEWAY_TOKEN: "test-gateway-token" };
  const settings = readNodeSettings(env);
  node = await openNode(settings, { env, log: () => undefined });
  before = {};
  const append: Context["audit"]["append"] = async (event) => {
    if (event.phase === "intent") await before[event.action]?.();
    await node.ports.audit.append(event);
  };
  const audit = { ...node.ports.audit, append };
  context = bareContext({ ...node.ports, audit, settings: settings.settings });
  ({ id } = await createProvisioningKey(context, operator, { name: "key", scopes: ["agents:create"] }));
});
afterEach(async () => {
  await node.close();
  await rm(stateDir, { recursive: true, force: true });
});

it("a revocation in the middle of a rotation is not undone by its end", async () => {
  let revoking: Promise<{ status: string }> | undefined;
  before["provisioning-key.rotate"] = async () => {
    revoking = revokeProvisioningKey(context, operator, id);
    await Promise.race([revoking, sleep(100)]);
  };
  await rotateProvisioningKey(context, operator, id);
  expect(await revoking).toMatchObject({ status: "revoked" });
  expect((await currentProvisioningKey(context, id))!.state.revokedAt).toBeDefined();
  await expect(rotateProvisioningKey(context, operator, id)).rejects.toMatchObject({ code: "key_revoked" });
});

it("a rotation in the middle of a revocation is refused", async () => {
  let rotating: Promise<unknown> | undefined;
  before["provisioning-key.revoke"] = async () => {
    rotating = rotateProvisioningKey(context, operator, id).catch((error) => error);
    await Promise.race([rotating, sleep(100)]);
  };
  await revokeProvisioningKey(context, operator, id);
  expect(await rotating).toMatchObject({ code: "key_revoked" });
});

it("a rotation of a key with an end tells no later end of the old secret, and of an expired key is refused", async () => {
  let now = Date.now();
  Object.assign(context, { clock: { now: () => now } });
  const expiresAt = new Date(now + 3_600_000).toISOString();
  const made = await createProvisioningKey(context, operator, { name: "short", scopes: ["agents:create"], expiresAt });
  expect(await rotateProvisioningKey(context, operator, made.id)).toMatchObject({ previousValidUntil: expiresAt });
  now += 3_600_000;
  await expect(rotateProvisioningKey(context, operator, made.id)).rejects.toMatchObject({ code: "key_expired" });
});

it("a change that holds the key for long makes others try again, and changes nothing for them", async () => {
  const { claim } = keyLedger(id);
  await context.ledger.claim(claim, { owner: "another", ttlMs: 30_000 });
  const { now } = performance;
  let looks = 0;
  const hurried = vi.spyOn(performance, "now").mockImplementation(() => now.call(performance) + 1_000 * looks++);
  try {
    for (const change of [revokeProvisioningKey, rotateProvisioningKey]) {
      const refused = change(context, operator, id);
      await expect(refused).rejects.toMatchObject({ code: "key_busy", status: 409, headers: { "retry-after": "1" } });
    }
  } finally {
    hurried.mockRestore();
  }
  await context.ledger.release(claim, "another");
  expect(await revokeProvisioningKey(context, operator, id)).toMatchObject({ status: "revoked" });
});

it("a change that is done is answered, though its claim cannot be released", async () => {
  const release = () => Promise.reject(new Error("the store is away"));
  const failing = { ...context, ledger: { ...context.ledger, release } };
  expect(await revokeProvisioningKey(failing, operator, id)).toMatchObject({ status: "revoked" });
});
