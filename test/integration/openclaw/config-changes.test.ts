import { readFileSync, statSync, utimesSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ConfigAccess, externalConfig, inProcessConfig } from "../../../adapters/openclaw/config-access.ts";
import { createConfigChanges } from "../../../adapters/openclaw/config-changes.ts";
import type { OpenClawConfig } from "../../../adapters/openclaw/openclaw-config.ts";
import { refusal } from "../../conformance/agent-host.ts";
import { type FakeOpenClaw, makeFakeOpenClaw } from "../../conformance/fake-openclaw.ts";

const unhurried = { changeMs: 50, nudgeMs: [60_000, 60_000] as [number, number] };

const adding = (agentId: string) => ({
  agentId,
  apply(draft: OpenClawConfig) {
    draft.agents = { ...draft.agents, entries: { ...draft.agents?.entries, [agentId]: { name: agentId } } };
  },
});

describe("a reload that takes longer than its callers wait", () => {
  let openclaw: FakeOpenClaw;
  beforeEach(async () => {
    openclaw = await makeFakeOpenClaw({ running: true, reloadMs: () => 400 });
  });
  afterEach(() => openclaw.close());

  it("is not interrupted: the next write waits until it is over, and its own callers as long as usual", async () => {
    const changes = createConfigChanges(openclaw.config, () => undefined, {
      ...unhurried,
      answerMs: 50,
      reloadMs: 60_000,
    });
    const first = await changes.make(adding("one"));
    expect(await first.applied).toBe(false);
    await expect(first.takenUp()).rejects.toEqual(refusal("gateway_failed"));
    await first.takenUp(true);
    const second = await changes.make(adding("two"));
    expect(Object.keys((await openclaw.config.read()).agents!.entries!)).toContain("one");
    expect(await second.applied).toBe(false);
    await changes.byGateway(async () => undefined);
    expect(Object.keys((await openclaw.config.read()).agents!.entries!)).toContain("two");
    expect([openclaw.writes(), openclaw.superseded()]).toEqual([2, 0]);
    expect(changes.lastReload()).toMatchObject({ ms: expect.any(Number) });
  });
});

it("a gateway is asked again by its file's time alone, which says what it said", async () => {
  const openclaw = await makeFakeOpenClaw({ running: true });
  try {
    const { file } = openclaw.config;
    const before = readFileSync(file, "utf8");
    utimesSync(file, 0, 0);
    const refused = () => Promise.reject(new Error("a read or a write"));
    const runtime = { current: () => openclaw.file(), mutateConfigFile: refused };
    const sdk = { readConfigFileSnapshotForWrite: refused };
    await inProcessConfig(file, runtime, sdk, () => openclaw.file()).nudge();
    expect(statSync(file).mtimeMs).toBeGreaterThan(Date.now() - 60_000);
    expect(readFileSync(file, "utf8")).toBe(before);
  } finally {
    await openclaw.close();
  }
});

describe("a gateway that was too slow once", () => {
  it("is given as long as a reload may take again, as soon as it has taken that change up", async () => {
    let reloadMs = 1_200;
    const openclaw = await makeFakeOpenClaw({ running: true, reloadMs: () => reloadMs });
    try {
      const changes = createConfigChanges(openclaw.config, () => undefined, {
        answerMs: 50,
        changeMs: 500,
        reloadMs: 500,
        nudgeMs: [1_300, 1_300],
      });
      await expect((await changes.make(adding("one"))).takenUp(true)).rejects.toEqual(refusal("gateway_failed"));
      reloadMs = 150;
      await expect.poll(() => changes.isTakingUp("one"), { timeout: 5_000 }).toBe(false);
      await (await changes.make(adding("two"))).takenUp();
    } finally {
      await openclaw.close();
    }
  });
});

describe("a gateway that does not take up what is written", () => {
  it("holds up one write for as long as a reload may take, and the others as long as their callers wait", async () => {
    const waits: (number | undefined)[] = [];
    const answers = [false, false, true, true];
    let file: OpenClawConfig = {};
    const config: ConfigAccess = {
      file: "not-taken-up.json",
      read: async () => file,
      source: async () => file,
      authored: async () => file,
      async mutate(change) {
        const draft = structuredClone(file);
        change(draft);
        file = draft;
      },
      async applied(_, withinMs) {
        waits.push(withinMs);
        return answers.shift()!;
      },
      nudge: async () => undefined,
    };
    const warned: string[] = [];
    const changes = createConfigChanges(config, (_, message) => warned.push(message), {
      ...unhurried,
      answerMs: 50,
      reloadMs: 900,
    });
    const taken: boolean[] = [];
    for (const agentId of ["one", "two", "three", "four"])
      taken.push(await (await changes.make(adding(agentId))).applied);
    expect(taken).toEqual([false, false, true, true]);
    expect(waits).toEqual([900, 50, 50, 900]);
    expect(warned).toEqual(Array(2).fill("the gateway has not taken up a change in time"));
  });

  it("tells of a failure to ask it, whether or not anybody waits", async () => {
    const refusal = new Error("refused");
    const config: ConfigAccess = {
      file: "openclaw.json",
      read: async () => ({}),
      source: async () => ({}),
      authored: async () => ({}),
      mutate: async (change) => change({}),
      applied: () => Promise.reject(refusal),
      nudge: async () => undefined,
    };
    const changes = createConfigChanges(config, () => undefined, { ...unhurried, answerMs: 50, reloadMs: 50 });
    await changes.make(adding("unheard"));
    await expect((await changes.make(adding("heard"))).applied).rejects.toBe(refusal);
  });
});

it("a change that names a variable is written once, though the file cannot be read right after", async () => {
  const openclaw = await makeFakeOpenClaw({ running: true });
  try {
    const { config } = openclaw;
    const source: ConfigAccess["source"] = () => {
      config.source = original;
      return Promise.reject(new Error("locked"));
    };
    const original = config.source;
    config.source = source;
    const changes = createConfigChanges(config, () => undefined);
    const { apply } = adding("one");
    const once = (draft: OpenClawConfig) => {
      if (draft.agents?.entries?.one) throw new Error("there already");
      apply(draft);
      draft.agents!.entries!.one!.tts = { apiKey: `\${VOICE_KEY}` };
    };
    await (await changes.make({ agentId: "one", apply: once })).takenUp();
    expect(openclaw.writes()).toBe(1);
  } finally {
    await openclaw.close();
  }
});

it.each([
  ["the names of variables, where OpenClaw tells them", { agents: { defaults: { workspace: `\${PLACE}` } } }],
  ["all that OpenClaw read, where it does not", undefined],
])("the file as it was written has %s", async (_, authoredConfig) => {
  const openclaw = await makeFakeOpenClaw({ running: true });
  try {
    const sourceConfig = { agents: { defaults: { workspace: "/place" } } };
    const runtime = { current: () => openclaw.file(), mutateConfigFile: () => Promise.reject(new Error("a write")) };
    const snapshot = { exists: true, valid: true, sourceConfig, ...(authoredConfig && { authoredConfig }) };
    const sdk = { ...runtime, readConfigFileSnapshotForWrite: async () => ({ snapshot }) };
    const { file } = openclaw.config;
    const shown = authoredConfig ?? sourceConfig;
    expect(await inProcessConfig(file, runtime, sdk, () => null).authored()).toEqual(shown);
    expect(await externalConfig(file, sdk, openclaw.gateway).authored()).toEqual(shown);
  } finally {
    await openclaw.close();
  }
});
