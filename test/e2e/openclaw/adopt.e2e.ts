import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";
import type { Gateway } from "./gateway.ts";
import { masterKey, type ProvisionedGateway, provisionedGateway } from "./provisioned-gateway.ts";

const ownKey = "sk-test-made-by-hand-not-a-real-key";
const sharedKey = "sk-test-shared-not-a-real-key";

describe("agents that were made by hand, on a real gateway", () => {
  let on: ProvisionedGateway;
  let gateway: Gateway;
  let upstream: SampleUpstream;
  /** The operator's own provider, past the meter. */
  let own: SampleUpstream;

  beforeAll(async () => {
    own = await startSampleUpstream();
    own.behave({ usesTools: false });
    const models = ["one-model", "fallback-model", "other-model"].map((id) => ({
      id,
      name: id,
      reasoning: false,
      input: ["text"],
      cost: { input: 1, output: 1, cacheRead: 0, cacheWrite: 0 },
      contextWindow: 200_000,
      maxTokens: 8_000,
    }));
    const shared = { baseUrl: own.origin, api: "anthropic-messages", models };
    on = await provisionedGateway({ openclaw: { models: { mode: "merge", providers: { shared } } } });
    ({ gateway, upstream } = on);
    const add = ["agents", "add", "--non-interactive", "--json", "--model", "shared/one-model", "--workspace"];
    for (const id of ["talker", "picker", "sharer"]) {
      await gateway.cli([...add, join(gateway.stateDir, `workspace-${id}`), ...bindOf(id), id]);
    }
    const paste = (agent: string, profile: string, key: string) =>
      gateway.cli(
        ["models", "auth", "paste-api-key", "--agent", agent, "--provider", "shared", "--profile-id", profile],
        key,
      );
    await paste("main", "shared:common", sharedKey);
    for (const id of ["talker", "picker"]) {
      await paste(id, "shared:own", ownKey);
      await gateway.cli(["models", "auth", "order", "set", "--agent", id, "--provider", "shared", "shared:own"]);
    }
  });
  afterAll(async () => {
    await on?.close();
    await own?.close();
  });

  const bindOf = (id: string): string[] => (id === "talker" ? ["--bind", "telegram:by-hand"] : []);
  const file = async () => JSON.parse(await readFile(join(gateway.stateDir, "openclaw.json"), "utf8"));
  const entryText = async (id: string) => JSON.stringify((await file()).agents.entries[id], null, 2);

  test("their turns before", async () => {
    console.log(await gateway.cli(["agents", "list", "--json"]));
    console.log(JSON.stringify(await file(), null, 1));
    for (const id of ["talker", "picker", "sharer"]) {
      const turn = await gateway.turn(id, `hello of ${id}`);
      console.log(id, turn.status, turn.text, own.seen.at(-1)?.headers["x-api-key"]);
    }
    const { body } = await gateway.api(
      "POST",
      "/agents/talker/adopt",
      { autoProvisionAiKey: { provider: "anthropic", quotas: { maxUsdPerMonth: 20 } }, dryRun: true },
      on.key,
    );
    console.log(JSON.stringify(body, null, 1));
    const before = await entryText("talker");
    const adopted = await gateway.api(
      "POST",
      "/agents/talker/adopt",
      { autoProvisionAiKey: { provider: "anthropic", quotas: { maxUsdPerMonth: 20 } } },
      on.key,
    );
    console.log(adopted.took, JSON.stringify(adopted.body, null, 1));
    console.log(await entryText("talker"));
    const turn = await gateway.turn("talker", "hello again");
    console.log(turn.status, turn.text, upstream.seen.length, upstream.seen.at(-1)?.headers["x-api-key"] === masterKey);
    const released = await gateway.api("POST", "/agents/talker/release", {}, on.key);
    console.log(released.took, JSON.stringify(released.body));
    expect(await entryText("talker")).toBe(before);
    const late = await gateway.turn("talker", "hello at last");
    console.log(late.status, late.text, own.seen.at(-1)?.headers["x-api-key"]);
  });
});
