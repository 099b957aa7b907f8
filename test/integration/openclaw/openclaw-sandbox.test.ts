import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkHold, missingForSandbox } from "../../../adapters/openclaw/doors/check-hold.ts";
import { refusal } from "../../conformance/agent-host.ts";

const path = process.env.PATH;
let bin: string;

beforeEach(async () => {
  bin = await mkdtemp(join(tmpdir(), "docker-"));
  process.env.PATH = bin;
});
afterEach(async () => {
  process.env.PATH = path;
  await rm(bin, { recursive: true, force: true });
});

async function docker(script: string): Promise<void> {
  await writeFile(join(bin, "docker"), `#!/bin/sh\n${script}\n`);
  await chmod(join(bin, "docker"), 0o755);
}

const boxed = { confinement: "sandbox" as const, tools: [], peers: [] };
const refused = async () =>
  (await checkHold("a1", boxed, { config: {}, isLookedAt: true }).catch((error: unknown) => error)) as Error;

test("without Docker the sandbox says so, and the other confinements need none", async () => {
  expect(await refused()).toEqual(refusal("confinement_not_supported"));
  expect((await refused()).message).toMatch(/no `docker` command: install Docker/);
  await checkHold("a1", { ...boxed, confinement: "workspace" }, { config: {}, isLookedAt: true });
});

test.each([
  ["echo 'Error: No such image: x' >&2; exit 1", /the image "openclaw-sandbox:bookworm-slim" is missing/],
  ["echo 'Cannot connect to the Docker daemon' >&2; exit 1", /does not answer the gateway: start it/],
])("what is missing is named: %s", async (script, expected) => {
  await docker(script);
  expect((await refused()).message).toMatch(expected);
});

test("with the engine and the operator's own image nothing is missing", async () => {
  await docker('[ "$5" = mine:1 ] && echo ok');
  const defaults = { sandbox: { docker: { image: "mine:1" } } };
  expect(await missingForSandbox({ agents: { defaults } })).toBeUndefined();
});

test.each([".git", "hooks", "HEAD", ".openclaw"])(
  "a workspace with a file %s has no container, and says so",
  async (name) => {
    await docker("echo ok");
    const held = () => checkHold("a1", boxed, { config: {}, isLookedAt: true, workspace: bin });
    await held();
    await writeFile(join(bin, name), "gitdir: /elsewhere\n");
    await expect(held()).rejects.toEqual(refusal("confinement_not_supported"));
    await rm(join(bin, name));
    await mkdir(join(bin, name));
    await held();
  },
);

test("the sandbox is for the plugin: nobody else looks at each call of a program", async () => {
  await docker("echo ok");
  await checkHold("a1", boxed, { config: {}, isLookedAt: true });
  const beside = checkHold("a1", boxed, { config: {}, isLookedAt: false });
  await expect(beside).rejects.toEqual(refusal("confinement_not_supported"));
});

test("peers are for the plugin, and for others than the agent itself", async () => {
  const hold = { confinement: "workspace" as const, tools: [] };
  const peered = (peers: string[], isLookedAt: boolean) =>
    checkHold("a1", { ...hold, peers }, { config: {}, isLookedAt });
  await peered(["a2"], true);
  await expect(peered(["a2"], false)).rejects.toEqual(refusal("confinement_not_supported"));
  await expect(peered(["a1"], true)).rejects.toEqual(refusal("confinement_not_supported"));
});
