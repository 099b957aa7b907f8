import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { withMovableClaims } from "../../../adapters/node/movable-stores.ts";
import { openSqliteLedger } from "../../../adapters/node/sqlite/sqlite-ledger.ts";
import type { Ledger } from "../../../src/ports.ts";
import { agentClaim, workspaceClaim, workspaceOfClaim } from "../../../src/storage/ledger-names.ts";

let directory: string;
let plain: Ledger;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "openclaw-claims-"));
  plain = await openSqliteLedger({ path: join(directory, "ledger.sqlite"), clock: { now: Date.now } });
});
afterEach(async () => {
  await plain.close();
  rmSync(directory, { recursive: true });
});

const forever = (owner: string) => ({ owner, ttlMs: null });

it("an owner's claim moves with the state directory, and one outside of it does not", async () => {
  const [here, there] = [withMovableClaims(plain, "/here"), withMovableClaims(plain, "/there")];
  await here.claim(workspaceClaim("/here/workspace-é b"), forever("one"));
  expect(await there.claim(workspaceClaim("/there/workspace-é b"), forever("two"))).toEqual({
    granted: false,
    owner: "one",
  });
  expect(await there.holder(workspaceClaim("/there/workspace-é b"))).toBe("one");
  await there.release(workspaceClaim("/there/workspace-é b"), "one");
  expect(await here.claim(workspaceClaim("/here/workspace-é b"), forever("two"))).toEqual({ granted: true });

  await here.claim(workspaceClaim("/here"), forever("top"));
  await here.claim(workspaceClaim("/hereabouts/x"), forever("outside"));
  expect(await plain.holder(workspaceClaim("/here"))).toBe("top");
  expect(await plain.holder(workspaceClaim("/hereabouts/x"))).toBe("outside");
});

it("a claim of an older release holds, can be renewed, and is freed", async () => {
  const ledger = withMovableClaims(plain, "/here");
  const name = workspaceClaim("/here/workspace-a");
  await plain.claim(name, forever("agent:a"));
  expect(await ledger.claim(name, forever("agent:b"))).toEqual({ granted: false, owner: "agent:a" });
  expect(await ledger.renew(name, { owner: "agent:a#1", from: "agent:a", ttlMs: null })).toBe(true);
  expect(await ledger.holder(name)).toBe("agent:a#1");
  await ledger.release(name, "agent:a#1");
  expect(await ledger.claim(name, forever("agent:b"))).toEqual({ granted: true });
});

it("the note of a change that broke off means the workspace where it is now", async () => {
  const note = (workspace: string) => JSON.stringify({ action: "create", workspace });
  await withMovableClaims(plain, "/here").claim(agentClaim("a"), { owner: "x", ttlMs: 60_000, note: note("/here/w") });
  const there = withMovableClaims(plain, "/there");
  const [left] = await there.abandoned(() => true);
  expect(left?.note).toBe(note("/there/w"));
  await withMovableClaims(plain, "/here").claim(agentClaim("b"), {
    owner: "x",
    ttlMs: 60_000,
    note: '"workspace": no',
  });
  expect((await there.abandoned(() => true))[1]?.note).toBe('"workspace": no');
});

it("tells a workspace's claim from every other", () => {
  expect(workspaceOfClaim(workspaceClaim("/a/ß/c d"))).toBe("/a/ß/c d");
  expect(workspaceOfClaim(agentClaim("workspace"))).toBeUndefined();
});
