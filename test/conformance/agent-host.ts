import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ProblemCode } from "../../src/errors.ts";
import type { AgentHost, Credential, HostAgent, HostCreate } from "../../src/ports.ts";

export interface HostUnderTest {
  host: AgentHost;
  /** A path at which a workspace may be made. */
  workspace(name: string): string;
  /** Puts a file or a directory into a place, where the test can reach the host's disk. */
  disk?: {
    read(path: string): Promise<string | undefined>;
    write(path: string, text: string): Promise<void>;
    exists(path: string): Promise<boolean>;
  };
  /** The key that the host has for this agent and provider now. */
  storedKey?(agentId: string, provider: string): Promise<string | undefined>;
  /** Makes an agent past the host, with a key of its own under `anthropic:dedicated`. */
  makeByHand?(agentId: string): Promise<void>;
  /** All that the host keeps of it, workspace aside: its entry and its credentials. */
  kept?(agentId: string): Promise<unknown>;
  close?(): Promise<void>;
}

const credential: Credential = {
  provider: "anthropic",
  apiKey: "sk-test-not-a-real-key",
  baseUrl: "http://127.0.0.1:18789/proxy/anthropic",
  metered: true,
};

/** The agent of that id, on a host where an id is one agent's. */
export const found = async (host: Pick<AgentHost, "find">, agentId: string): Promise<HostAgent | undefined> =>
  (await host.find(agentId)).agents[0];

export const refusal = (code: ProblemCode) => expect.objectContaining({ name: "Problem", code });

/**
 * The contract of every `AgentHost` (`src/ports.ts`).
 *
 * @param keepsAgents whether the host has agents of its own; a registry has not, and is asked for less
 */
export function testAgentHost(
  name: string,
  make: () => Promise<HostUnderTest>,
  { keepsAgents = true }: { keepsAgents?: boolean } = {},
): void {
  describe(`AgentHost: ${name}`, () => {
    let on: HostUnderTest;
    let host: AgentHost;
    let count = 0;

    beforeEach(async () => {
      on = await make();
      host = on.host;
    });
    afterEach(async () => {
      await on.close?.();
    });

    async function planned(agentId: string, more: Partial<HostCreate> = {}): Promise<HostCreate> {
      const plan = await host.plan({ agentId, workspace: more.workspace, gateway: more.gateway });
      const basis = { agentId, name: agentId, bindings: [], skipBootstrap: false, awaitReady: true };
      return { ...basis, operationId: `op-${++count}`, ...more, ...plan };
    }
    async function created(agentId: string, more: Partial<HostCreate> = {}): Promise<HostCreate> {
      const agent = await planned(agentId, more);
      await host.create(agent);
      return agent;
    }
    const everything = { workspace: true, sessions: true };
    const nothing = { workspace: false, sessions: false };
    const all = async (): Promise<HostAgent[]> => (await host.list({ limit: 1000 })).agents;

    test("can be used", async () => {
      await expect(host.check()).resolves.toBeUndefined();
    });

    test("plans without a side effect", async () => {
      const plan = await host.plan({ agentId: "planned" });
      if (plan.workspace !== undefined && on.disk) expect(await on.disk.exists(plan.workspace)).toBe(false);
      expect(await found(host, "planned")).toBeUndefined();
    });

    test.each(["relative/path", "~someone/x", "~", "", "/srv/../etc", "/srv/a\0b"])(
      "refuses the workspace %j before anything is made",
      async (workspace) => {
        // A host whose disk is elsewhere may find out only when it creates.
        const attempt = async () => void (await host.create(await planned("refused", { workspace })));
        await expect(attempt()).rejects.toEqual(refusal("workspace_not_allowed"));
        expect(await found(host, "refused")).toBeUndefined();
      },
    );

    test("refuses a gateway that is not there", async () => {
      await expect(host.plan({ agentId: "a", gateway: "nowhere" })).rejects.toEqual(refusal("gateway_not_found"));
    });

    test("reports the bindings of a new agent as added, each once", async () => {
      const { bindings } = await host.create(await planned("bound", { bindings: ["telegram:*", "slack", "slack"] }));
      expect(bindings).toEqual({ added: ["telegram:*", "slack"], updated: [], skipped: [], conflicts: [] });
    });

    test("adds bindings and skips those that are there", async () => {
      const agent = await created("bound", { bindings: ["slack"] });
      expect(await host.bind(agent, ["slack", "telegram:ops"])).toEqual({
        added: ["telegram:ops"],
        updated: [],
        skipped: ["slack"],
        conflicts: [],
      });
    });

    test("removing what is not there is no error", async () => {
      expect(await host.remove({ agentId: "absent", operationId: "op" }, everything)).toEqual({
        deleted: [],
        preserved: [],
      });
    });

    test("answers for an agent's health", async () => {
      const agent = await created("healthy");
      expect((await host.inspect(agent)).reachable).toBe(true);
    });

    test("says that it cannot store a credential, if so", async () => {
      if (host.storesCredentials) {
        expect(keepsAgents).toBe(true);
        return;
      }
      await expect(host.create(await planned("keyed", { credential }))).rejects.toEqual(
        refusal("credential_not_stored"),
      );
      const agent = await created("keyless");
      await expect(host.setCredential(agent, credential)).rejects.toEqual(refusal("credential_not_stored"));
    });

    if (!keepsAgents) return;

    describe("that keeps agents", () => {
      test("creates an agent and finds it", async () => {
        const identity = { name: "Ada", emoji: "*" };
        const agent = await planned("whole", {
          model: "claude-sonnet-3.5",
          bindings: ["telegram:*"],
          identity,
          credential,
        });
        const made = await host.create(agent);
        expect(made.profileId).toBe("anthropic:dedicated");
        expect(made.starting ?? false).toBe(false);
        expect(await found(host, "whole")).toMatchObject({
          agentId: "whole",
          name: "whole",
          model: "claude-sonnet-3.5",
          identity,
          bindings: ["telegram:*"],
        });
        expect(await host.inspect(agent)).toEqual({
          reachable: true,
          workspace: "ok",
          agentDir: "ok",
          credentials: "ok",
        });
        expect(await on.storedKey!("whole", "anthropic")).toBe(credential.apiKey);
      });

      test("an agent without a credential has none", async () => {
        const agent = await created("bare");
        expect((await host.inspect(agent)).credentials).toBe("missing");
      });

      test("a creation repeated under its operation is the same one", async () => {
        const agent = await planned("again", { bindings: ["slack"], credential });
        const first = await host.create(agent);
        expect(await host.create(agent)).toEqual(first);
        const together = await Promise.all([host.create(agent), host.create(agent)]);
        expect(together).toEqual([first, first]);
        expect((await all()).filter((one) => one.agentId === "again")).toHaveLength(1);
      });

      test("another operation does not get an id that is taken, and its undoing does not take it away", async () => {
        const first = await created("taken", { credential });
        const second = { ...(await planned("taken")), workspace: first.workspace };
        await expect(host.create(second)).rejects.toEqual(refusal("agent_exists"));
        await host.remove(second, everything);
        expect(await host.inspect(first)).toMatchObject({ workspace: "ok", agentDir: "ok", credentials: "ok" });
        expect(await found(host, "taken")).toBeDefined();
      });

      test("of many creations of one id at one time one succeeds", async () => {
        const attempts = await Promise.all(Array.from({ length: 16 }, () => planned("contested")));
        const results = await Promise.allSettled(attempts.map((agent) => host.create(agent)));
        expect(results.filter((one) => one.status === "fulfilled")).toHaveLength(1);
        for (const one of results) if (one.status === "rejected") expect(one.reason).toEqual(refusal("agent_exists"));
      });

      test("a binding that another agent has is refused, and nothing is changed", async () => {
        await created("owner", { bindings: ["telegram:*"] });
        const second = await planned("second", { bindings: ["slack", "telegram:*"], credential });
        await expect(host.create(second)).rejects.toEqual(refusal("binding_taken"));
        expect(await found(host, "second")).toBeUndefined();
        if (on.disk && second.workspace) expect(await on.disk.exists(second.workspace)).toBe(false);

        const third = await created("third", { bindings: ["slack"] });
        await expect(host.bind(third, ["irc", "telegram:*"])).rejects.toEqual(refusal("binding_taken"));
        expect((await found(host, "third"))?.bindings).toEqual(["slack"]);
        // "irc" was not kept for the one that failed.
        await created("fourth", { bindings: ["irc"] });
      });

      test("a workspace that is another agent's, or in it or around it, is refused, and nothing is changed", async () => {
        const place = on.workspace("mine");
        await created("owner", { workspace: `${place}/deep` });
        const taken = [
          `${place}/deep`,
          `${place}/deep/`,
          `${place}/deep/below`,
          place,
          `${place}/DEEP`,
          `${place}/d\uff45ep`,
        ];
        for (const workspace of taken) {
          const attempt = async () => void (await host.create(await planned("second", { workspace, credential })));
          await expect(attempt()).rejects.toEqual(refusal("workspace_taken"));
          expect(await found(host, "second")).toBeUndefined();
        }
        if (on.disk) expect(await on.disk.exists(`${place}/DEEP`)).toBe(false);
        await created("second", { workspace: `${place}/deeper` });
        expect(await host.inspect({ agentId: "owner", name: "owner", bindings: [] })).toMatchObject({
          workspace: "ok",
        });
      });

      test("of many agents that want overlapping workspaces at one time one gets its own", async () => {
        const place = on.workspace("mine");
        const wanting = Array.from({ length: 6 }, async (_, at) => {
          const workspace = place + ["", "/a", "/a/b"][at % 3];
          return await host.create(await planned(`want-${at}`, { workspace }));
        });
        const results = await Promise.allSettled(wanting);
        for (const one of results)
          if (one.status === "rejected") expect(one.reason).toEqual(refusal("workspace_taken"));
        expect(results.filter((one) => one.status === "fulfilled")).toHaveLength(1);
        expect((await all()).filter((one) => one.agentId.startsWith("want-"))).toHaveLength(1);
      });

      test("of many agents that want one binding at one time one gets it", async () => {
        const wanting = await Promise.all(
          Array.from({ length: 8 }, (_, at) => planned(`want-${at}`, { bindings: ["discord"] })),
        );
        const results = await Promise.allSettled(wanting.map((agent) => host.create(agent)));
        expect(results.filter((one) => one.status === "fulfilled")).toHaveLength(1);
        expect((await all()).filter((one) => one.bindings.includes("discord"))).toHaveLength(1);
      });

      test("a removed agent's bindings are free", async () => {
        const agent = await created("gone", { bindings: ["telegram:*"] });
        await host.remove(agent, everything);
        await created("next", { bindings: ["telegram:*"] });
        expect((await found(host, "next"))?.bindings).toEqual(["telegram:*"]);
      });

      test("replaces one provider's credential and keeps the others", async () => {
        const agent = await created("keyed", { credential });
        expect(await host.setCredential(agent, { provider: "openai", apiKey: "sk-test-second", metered: false })).toBe(
          "openai:dedicated",
        );
        expect(await host.setCredential(agent, { ...credential, apiKey: "sk-test-replaced" })).toBe(
          "anthropic:dedicated",
        );
        expect(await on.storedKey!("keyed", "anthropic")).toBe("sk-test-replaced");
        expect(await on.storedKey!("keyed", "openai")).toBe("sk-test-second");
      });

      test("takes one provider's credential away, keeps the others, and takes the next one", async () => {
        const agent = await created("dropped", { credential, model: "claude-sonnet-3.5" });
        await host.setCredential(agent, { ...credential, provider: "openai" }, "gpt-5.1");
        for (let times = 0; times < 2; times++) await host.dropCredential(agent, "anthropic");
        expect(await on.storedKey!("dropped", "anthropic").catch(() => undefined)).toBeUndefined();
        expect(await on.storedKey!("dropped", "openai")).toBe(credential.apiKey);
        await host.dropCredential(agent, "openai");
        expect(await host.inspect(agent)).toMatchObject({ credentials: "missing" });
        expect((await found(host, "dropped"))!.model).toBe("gpt-5.1");
        await host.setCredential(agent, { ...credential, apiKey: "sk-test-next-not-a-real-key" });
        expect(await on.storedKey!("dropped", "anthropic")).toBe("sk-test-next-not-a-real-key");
      });

      test("with a credential and a model, the agent uses that model from then on", async () => {
        const agent = await created("moved", { model: "model-a", credential });
        await host.setCredential(agent, { provider: "openai", apiKey: "sk-test-second", metered: false }, "model-b");
        expect((await found(host, "moved"))?.model).toBe("model-b");
      });

      test("changes what is given and keeps the rest", async () => {
        const agent = await created("changing", { model: "model-a", identity: { name: "Ada" }, bindings: ["slack"] });
        await host.update(agent, { model: "model-b" });
        await host.update(agent, { name: "Changed" });
        await host.update(agent, { identity: { emoji: "*" } });
        expect(await found(host, "changing")).toMatchObject({
          name: "Changed",
          model: "model-b",
          identity: { name: "Ada", emoji: "*" },
          bindings: ["slack"],
        });
      });

      test("changes nothing for one that was overtaken by another change", async () => {
        const agent = await created("changed", { credential, bindings: ["slack"] });
        const before = await found(host, "changed");
        const late = { ...agent, isCurrent: async () => false };
        const busy = refusal("agent_busy");
        await expect(host.setCredential(late, { ...credential, apiKey: "sk-late" })).rejects.toEqual(busy);
        await expect(host.dropCredential(late, credential.provider)).rejects.toEqual(busy);
        await expect(host.bind(late, ["telegram:late"])).rejects.toEqual(busy);
        await expect(host.update(late, { name: "Late" })).rejects.toEqual(busy);
        await expect(host.update(late, { identity: { name: "Late" } })).rejects.toEqual(busy);
        expect(await found(host, "changed")).toEqual(before);
        expect(await on.storedKey!("changed", credential.provider)).toBe(credential.apiKey);
      });

      test("refuses to change an agent that is not there", async () => {
        const agent = await planned("absent");
        for (const work of [
          () => host.setCredential(agent, credential),
          () => host.bind(agent, ["slack"]),
          () => host.update(agent, { model: "x" }),
        ]) {
          await expect(work()).rejects.toEqual(refusal("agent_not_found"));
        }
        expect((await host.inspect(agent)).agentDir).toBe("missing");
      });

      test("removes all that was made for an agent", async () => {
        const agent = await created("removed", { bindings: ["slack"], credential });
        const { deleted, preserved } = await host.remove(agent, everything);
        expect([...deleted].sort()).toEqual(["agentDir", "bindings", "credentials", "entry", "sessions", "workspace"]);
        expect(preserved).toEqual([]);
        expect(await found(host, "removed")).toBeUndefined();
        expect(await host.remove(agent, everything)).toEqual({ deleted: [], preserved: [] });
      });

      test("preserves workspace and sessions unless asked", async () => {
        const agent = await created("kept");
        const { deleted, preserved } = await host.remove(agent, nothing);
        expect([...deleted].sort()).toEqual(["agentDir", "entry"]);
        expect([...preserved].sort()).toEqual(["sessions", "workspace"]);
        expect(await found(host, "kept")).toBeUndefined();
        expect((await all()).map((one) => one.agentId)).not.toContain("kept");
        await created("kept");
        expect(await found(host, "kept")).toBeDefined();
      });

      test("an agent made anew has no credential of the one before", async () => {
        const agent = await created("anew", { credential });
        await host.remove(agent, nothing);
        const again = await created("anew");
        expect((await host.inspect(again)).credentials).toBe("missing");
      });

      test("lists in pages, in ascending order", async () => {
        const ids = ["delta", "alpha", "charlie", "bravo", "a-1", "a_1"];
        for (const id of ids) await created(id);
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await host.list({ cursor, limit: 2 });
          expect(page.agents.length).toBeLessThanOrEqual(2);
          expect(page.unreachable).toEqual([]);
          // Another's agent ("main") may be among them.
          seen.push(...page.agents.map((one) => one.agentId).filter((id) => ids.includes(id)));
          cursor = page.nextCursor;
        } while (cursor !== undefined);
        expect(seen).toEqual([...ids].sort());
      });

      test("uses the workspace asked for", async () => {
        const agent = await planned("placed", { workspace: on.workspace("placed") });
        await host.create(agent);
        expect((await found(host, "placed"))?.workspace).toBe(on.workspace("placed"));
        expect(await on.disk!.exists(on.workspace("placed"))).toBe(true);
      });

      describe("adoption", () => {
        const adoptionOf = async (operationId: string, more: object = {}) => ({
          agent: (await found(host, "theirs"))!,
          operationId,
          hold: {},
          key: credential,
          credential,
          ...more,
        });

        test("gives an agent of others a key, says before what changes, and gives back exactly what it had", async () => {
          await on.makeByHand!("theirs");
          const before = { agent: await found(host, "theirs"), kept: await on.kept!("theirs") };
          const adoption = await adoptionOf("op-adopt", { model: "claude-sonnet-3.5" });
          expect(await host.planAdoption(adoption)).not.toEqual([]);
          expect(await on.kept!("theirs")).toEqual(before.kept);
          const adopted = await host.adopt(adoption);
          expect(adopted).toMatchObject({ profileId: "anthropic:dedicated", model: "claude-sonnet-3.5" });
          expect(await on.storedKey!("theirs", "anthropic")).toBe(credential.apiKey);
          expect(await host.inspect(adoption.agent)).toMatchObject({ credentials: "ok" });
          await host.release({ ...adoption.agent, operationId: "op-adopt" });
          expect(await on.kept!("theirs")).toEqual(before.kept);
          await expect.poll(() => found(host, "theirs"), { timeout: 5_000 }).toEqual(before.agent);
        });

        test("an adoption repeated under its operation is the same one, and so is its undoing", async () => {
          await on.makeByHand!("theirs");
          const before = await on.kept!("theirs");
          const adoption = await adoptionOf("op-adopt");
          await host.adopt(adoption);
          await host.adopt(adoption);
          await host.release({ agentId: "theirs", gateway: adoption.agent.gateway, operationId: "another" });
          expect(await on.storedKey!("theirs", "anthropic")).toBe(credential.apiKey);
          for (let times = 0; times < 2; times++) {
            await host.release({ agentId: "theirs", gateway: adoption.agent.gateway, operationId: "op-adopt" });
            expect(await on.kept!("theirs")).toEqual(before);
          }
        });

        test("an adoption that its records have lost goes on under the next one, and gives back what there was at first", async () => {
          await on.makeByHand!("theirs");
          const before = await on.kept!("theirs");
          await host.adopt(await adoptionOf("op-lost"));
          // A gateway keeps records of its own, and knows whose the agent is.
          const again = await adoptionOf("op-again", { model: "claude-haiku" });
          if (host.kind === "remote") return await expect(host.adopt(again)).rejects.toEqual(refusal("agent_managed"));
          await host.adopt(again);
          await host.release({ agentId: "theirs", operationId: "op-lost" });
          expect(await on.storedKey!("theirs", "anthropic")).toBe(credential.apiKey);
          await host.release({ agentId: "theirs", operationId: "op-again" });
          expect(await on.kept!("theirs")).toEqual(before);
        });

        test("gives back what it had after a rotation and a key of another provider too", async () => {
          await on.makeByHand!("theirs");
          const before = await on.kept!("theirs");
          const adoption = await adoptionOf("op-adopt");
          await host.adopt(adoption);
          const agent = { ...(await found(host, "theirs"))!, operationId: "op-adopt" };
          await host.setCredential(agent, { ...credential, apiKey: "sk-test-rotated-not-a-real-key" });
          await host.setCredential(agent, { ...credential, provider: "openai" }, "gpt-5.1");
          expect(await on.storedKey!("theirs", "openai")).toBe(credential.apiKey);
          await host.release({ agentId: "theirs", gateway: agent.gateway, operationId: "op-adopt" });
          expect(await on.kept!("theirs")).toEqual(before);
        });

        test("an agent that was adopted is not removed as one that was made", async () => {
          await on.makeByHand!("theirs");
          const adoption = await adoptionOf("op-adopt");
          await host.adopt(adoption);
          const { gateway } = adoption.agent;
          await host.remove({ agentId: "theirs", gateway, operationId: "op-adopt" }, everything).catch(() => undefined);
          expect(await found(host, "theirs")).toBeDefined();
          expect(await on.storedKey!("theirs", "anthropic")).toBe(credential.apiKey);
        });

        test("refuses one that is not there", async () => {
          const agent = {
            agentId: "absent",
            name: "absent",
            bindings: [],
            gateway: (await host.plan({ agentId: "x" })).gateway,
          };
          const adoption = { agent, operationId: "op", hold: {}, key: credential, credential };
          await expect(host.planAdoption(adoption)).rejects.toEqual(refusal("agent_not_found"));
          await expect(host.adopt(adoption)).rejects.toEqual(refusal("agent_not_found"));
        });
      });

      test("keeps what it finds in a workspace that was there, and leaves it there", async () => {
        const workspace = on.workspace("theirs");
        await on.disk!.write(`${workspace}/AGENTS.md`, "mine");
        const agent = await created("guest", { workspace });
        expect(await on.disk!.read(`${workspace}/AGENTS.md`)).toBe("mine");
        const { preserved } = await host.remove(agent, everything);
        expect(preserved).toEqual(["workspace"]);
        expect(await on.disk!.read(`${workspace}/AGENTS.md`)).toBe("mine");
      });
    });
  });
}
