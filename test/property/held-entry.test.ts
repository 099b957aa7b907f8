import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { entryDoors } from "../../adapters/openclaw/doors/entry-doors.ts";
import {
  dropOthersModels,
  type Hold,
  holdApart,
  holdIn,
  holdModels,
  holdPlace,
  holdTools,
} from "../../adapters/openclaw/doors/held-entry.ts";
import { acrossAgents, toolsOf } from "../../adapters/openclaw/doors/tool-table.ts";
import type { AgentEntry, OpenClawConfig } from "../../adapters/openclaw/openclaw-config.ts";

const reference = "metered-anthropic/claude";
const foreign = fc.constantFrom("shared/m", "openai/gpt-5.1", "fast", "");
const choice = fc.oneof(foreign, fc.record({ primary: foreign, fallbacks: fc.array(foreign) }));
const toolName = fc.constantFrom("exec", "read", "gateway", "sessions_send", "*", "group:openclaw");

/** An entry as an operator, an earlier release or another program may have left it. */
const anyEntry: fc.Arbitrary<AgentEntry> = fc.record(
  {
    name: fc.string(),
    workspace: fc.constant("/w/a1"),
    cwd: fc.constantFrom("/projects", "/w/a1", "/w"),
    model: choice,
    utilityModel: foreign,
    decisionModel: foreign,
    modelPolicy: fc.record({ allow: fc.array(foreign) }),
    subagents: fc.record({ model: choice, allowAgents: fc.array(fc.constantFrom("*", "a2", "a3")) }),
    memory: fc.record({ search: fc.record({ provider: foreign }) }),
    heartbeat: fc.record({ model: foreign }),
    tts: fc.record(
      { auto: fc.constantFrom("always", "off"), enabled: fc.boolean(), summaryModel: foreign },
      { requiredKeys: [] },
    ),
    sandbox: fc.record({ mode: fc.constantFrom("off", "all") }),
    tools: fc.oneof(
      fc.record({ allow: fc.array(toolName) }),
      fc.record({ deny: fc.array(toolName), alsoAllow: fc.array(toolName) }),
      fc.record({ codeMode: fc.constant(true), elevated: fc.constant({ enabled: true }) }),
    ),
  },
  { requiredKeys: [] },
);
const anyHold: fc.Arbitrary<Hold> = fc.record({
  confinement: fc.constantFrom("workspace", "sandbox", "trusted"),
  tools: fc.uniqueArray(fc.constantFrom("web_search", "tts", "outlook__send")),
  peers: fc.uniqueArray(fc.constantFrom("a2", "a3")),
});

/** The operator has defaults: without them, an entry need not say that it has none. */
const config: OpenClawConfig = { agents: { defaults: { decisionModel: "shared/m", cwd: "/projects" } } };

const held = (entry: AgentEntry, hold: Hold): AgentEntry => {
  const next = structuredClone(entry);
  holdModels(next, { primary: reference, allow: ["metered-anthropic/*"] }, config);
  dropOthersModels(next);
  holdTools(next, "a1", hold);
  holdPlace(next, hold, config, "/w/a1");
  return next;
};

describe("an entry that is held", () => {
  test("has no open door, whatever was in it", () => {
    fc.assert(
      fc.property(anyEntry, anyHold, (entry, hold) => {
        expect(entryDoors(held(entry, hold), "a1", true, config)).toEqual([]);
      }),
    );
  });

  test("says what it is held to", () => {
    fc.assert(
      fc.property(anyEntry, anyHold, (entry, hold) => {
        const tools = hold.confinement === "trusted" ? [] : hold.tools;
        expect(holdIn(held(entry, hold), "a1")).toEqual({ ...hold, tools });
      }),
    );
  });

  test("stays as it is when it is held once more, and keeps what is none of this", () => {
    fc.assert(
      fc.property(anyEntry, anyHold, (entry, hold) => {
        const once = held({ ...entry, description: "kept" }, hold);
        expect(held(once, hold)).toEqual(once);
        expect(once).toMatchObject({ description: "kept", ...(entry.name !== undefined && { name: entry.name }) });
      }),
    );
  });

  test("offers no tool of others' sessions without peers, and no program outside of the sandbox", () => {
    fc.assert(
      fc.property(anyEntry, anyHold, (entry, hold) => {
        const { allow, deny = [] } = held(entry, hold).tools!;
        const has = (name: string) => !deny.includes(name) && (allow === undefined || allow.includes(name));
        for (const name of acrossAgents) expect(has(name)).toBe(false);
        for (const name of toolsOf("peers")) expect(has(name)).toBe(hold.peers.length > 0);
        for (const name of toolsOf("sandbox")) expect(has(name)).toBe(hold.confinement !== "workspace");
      }),
    );
  });

  test("kept apart reaches the sessions of its peers, and is held by the whole of what it is denied", () => {
    const apart = (peers: string[]) => {
      const entry: AgentEntry = { tools: { deny: ["browser", ...toolsOf("peers")] } };
      holdApart(entry, "a1", peers);
      return entry;
    };
    expect(apart(["a2"]).tools!.deny).toEqual(["browser", ...acrossAgents]);
    expect(apart([]).tools!.deny).toEqual(["browser", ...toolsOf("peers"), ...acrossAgents]);
    expect(holdIn(apart([]), "a1")).toMatchObject({ confinement: "trusted" });
    expect(holdIn({ tools: { deny: acrossAgents.slice(1) } }, "a1")).toBeUndefined();
  });

  test("names the directory of its turns only where the operator has another for all agents", () => {
    const cwdOf = (of: OpenClawConfig) => {
      const entry: AgentEntry = { workspace: "/w/a1", cwd: "/projects" };
      holdPlace(entry, { confinement: "workspace", tools: [], peers: [] }, of);
      return entry.cwd;
    };
    expect([cwdOf({}), cwdOf(config)]).toEqual([undefined, "/w/a1"]);
  });

  test("an entry with any of its parts undone has that door open", () => {
    const entry = held({ workspace: "/w/a1" }, { confinement: "workspace", tools: [], peers: [] });
    const tools = (change: AgentEntry["tools"]) => ({ tools: { ...entry.tools, ...change } });
    const changes: Record<string, Partial<AgentEntry>> = {
      model: { model: { primary: reference, fallbacks: ["shared/m"] } },
      utilityModel: { utilityModel: "shared/m" },
      decisionModel: { decisionModel: "shared/m" },
      "modelPolicy.allow": { modelPolicy: { allow: [] } },
      "subagents.model": { subagents: { allowAgents: ["a1"] } },
      "memory.search.provider": { memory: {} },
      "heartbeat.model": { heartbeat: { model: "shared/m" } },
      tts: { tts: { ...entry.tts, maxTextLength: 4_000 } },
      "tts.enabled": { tts: { ...entry.tts, enabled: true } },
      "tts.summaryModel": { tts: { ...entry.tts, summaryModel: "shared/m" } },
      cwd: { cwd: "/projects" },
      tools: { tools: { exec: entry.tools!.exec! } },
      "tools.allow": tools({ allow: [...entry.tools!.allow!, "gateway"] }),
      "tools.alsoAllow": tools({ alsoAllow: ["exec"] }),
      "tools.fs.workspaceOnly": tools({ fs: {} }),
      "tools.codeMode": tools({ codeMode: true }),
      "tools.elevated.enabled": tools({ elevated: {} }),
    };
    for (const [name, change] of Object.entries(changes)) {
      const changed = { ...entry, ...change };
      expect(entryDoors(changed, "a1", true, config), name).toEqual([name]);
    }
    const others: [string, Partial<AgentEntry>][] = [
      ["utilityModel", { utilityModel: undefined }],
      ["modelPolicy.allow", { modelPolicy: { allow: ["metered-anthropic/*", "shared/m"] } }],
      ["modelPolicy.allow", { modelPolicy: undefined }],
      ["memory.search.provider", { memory: { search: { provider: "openai" } } }],
      ["tools.exec.reviewer.model", tools({ exec: { reviewer: { model: "shared/m" } } })],
      ["tools.exec.reviewer.model", tools({ exec: {} })],
      ...["exec", "sessions_send", "unheard_of"].map((name): [string, Partial<AgentEntry>] => [
        "tools.allow",
        tools({ allow: [...entry.tools!.allow!, name] }),
      ]),
    ];
    for (const [name, change] of others) {
      expect(entryDoors({ ...entry, ...change } as AgentEntry, "a1", true, config), JSON.stringify(change)).toEqual([
        name,
      ]);
    }
    const server = tools({ allow: [...entry.tools!.allow!, "outlook__send_mail"] });
    expect(entryDoors({ ...entry, ...server }, "a1", true, config)).toEqual([]);
    const always = { ...entry, tts: { ...entry.tts, auto: "always" } };
    expect(entryDoors(always, "a1", true, config)).toEqual(["tts.auto", "tts"]);
  });
});
