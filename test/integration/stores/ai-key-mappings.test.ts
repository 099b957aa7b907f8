import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createStorage } from "unstorage";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { withAiKeyMappings } from "../../../adapters/node/files/ai-key-mappings.ts";
import { createPrivateFs } from "../../../adapters/node/files/private-fs.ts";
import { createRecords } from "../../../src/storage/records.ts";
import { sampleRecords } from "../../conformance/sample-records.ts";

describe("ai-key-mappings.json", () => {
  let stateDir: string;
  let path: string;
  const closing: (() => Promise<void>)[] = [];
  const failures: unknown[] = [];
  const open = () => {
    const files = createPrivateFs({ stateDir });
    const storage = createStorage({ driver: files.driver });
    const plain = createRecords(storage, files.page, files.replace);
    const records = withAiKeyMappings(plain, stateDir, { now: () => Date.UTC(2026, 10, 22, 18) }, (error) =>
      failures.push(error),
    );
    closing.push(
      () => records.close(),
      () => storage.dispose(),
    );
    return { records, plain };
  };
  const read = () => {
    try {
      return (JSON.parse(readFileSync(path, "utf8")) as { mappings: { keyId: string; status: string }[] }).mappings.map(
        ({ keyId, status }) => `${keyId} ${status}`,
      );
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
  };
  const key = sampleRecords["ai-keys"];
  const revoked = (id: string) => ({ ...key(id), state: { ...key(id).state, status: "revoked" as const } });

  beforeEach(() => {
    stateDir = mkdtempSync(join(tmpdir(), "mappings-"));
    path = join(stateDir, "provisioning", "ai-key-mappings.json");
    failures.length = 0;
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    rmSync(stateDir, { recursive: true });
  });

  it("names each key's agent, provider and status, and nothing secret", async () => {
    const { records } = open();
    await records.set("ai-keys", "v1", key("v1"));
    await records.flush();
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({
      version: 1,
      mappings: [
        {
          agentId: "agent-v1",
          keyId: "v1",
          provider: "anthropic",
          mode: "virtual",
          aiProviderId: "provider1",
          status: "active",
          createdAt: "2026-11-22T18:00:00.000Z",
        },
      ],
      updatedAt: "2026-11-22T18:00:00.000Z",
    });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await records.remove("ai-keys", "v1");
    await records.flush();
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ version: 1, mappings: [] });
  });

  it("follows within a second, without being asked and without a rewrite a change", async () => {
    const { records } = open();
    const inodes = new Set<number>();
    for (let i = 0; i < 20; i++) {
      await records.set("ai-keys", `v${i}`, key(`v${i}`));
      inodes.add(statSync(path, { throwIfNoEntry: false })?.ino ?? 0);
    }
    await records.set("ai-keys", "v3", revoked("v3"));
    const changedAt = performance.now();
    await vi.waitFor(() => expect(read()).toContain("v3 revoked"), { timeout: 5000, interval: 10 });
    // The second that is promised, and what a busy machine takes on top.
    expect(performance.now() - changedAt).toBeLessThan(1500);
    expect(read()).toHaveLength(20);
    expect(inodes.size).toBeLessThanOrEqual(2);
  });

  it("is exact after close, and left alone by who changed nothing", async () => {
    const { records } = open();
    await records.set("ai-keys", "v1", key("v1"));
    await records.close();
    expect(read()).toEqual(["v1 active"]);
    const { ino } = statSync(path);
    const reader = open();
    await reader.records.list("ai-keys");
    await reader.records.set("agents", "a1", sampleRecords.agents("a1"));
    await reader.records.close();
    expect(statSync(path).ino).toBe(ino);
  });

  it("holds what others wrote too, whoever rewrites it last", async () => {
    const [one, two] = [open(), open()];
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => (i % 2 ? one : two).records.set("ai-keys", `v${10 + i}`, key(`v${10 + i}`))),
    );
    await Promise.all([one.records.flush(), two.records.flush()]);
    await two.records.set("ai-keys", "v10", revoked("v10"));
    await Promise.all([one.records.flush(), two.records.flush()]);
    expect(read()).toHaveLength(40);
    expect(read()).toContain("v10 revoked");
  });

  it("catches up after a process that was killed", async () => {
    const { records, plain } = open();
    await records.set("ai-keys", "v1", key("v1"));
    await records.close();
    await sleep(20);
    // Without the index, as if it had died before its rewrite.
    await plain.set("ai-keys", "v2", key("v2"));
    const next = open();
    await next.records.close();
    expect(read()).toEqual(["v1 active", "v2 active"]);
  });

  it("tries again after a failure, which it reports and which fails nothing else", async () => {
    const { records } = open();
    mkdirSync(path, { recursive: true, mode: 0o700 });
    await records.set("ai-keys", "v1", key("v1"));
    await expect(records.flush()).rejects.toMatchObject({ code: "store_unwritable" });
    const reported = () => expect(failures).toContainEqual(expect.objectContaining({ code: "store_unwritable" }));
    await vi.waitFor(reported, { timeout: 5000, interval: 10 });
    rmSync(path, { recursive: true });
    await vi.waitFor(() => expect(read()).toEqual(["v1 active"]), { timeout: 5000, interval: 10 });
  });
});
