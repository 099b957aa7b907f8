import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { builtPlugin, packedPlugin } from "./built-plugin.ts";
import { type Gateway, makeGateway } from "./gateway.ts";

describe("the plugin as a package", () => {
  let gateway: Gateway | undefined;
  let plugin: string | undefined;
  afterEach(async () => {
    await gateway?.close();
    if (plugin) await rm(plugin, { recursive: true, force: true });
  });

  // Nine processes of OpenClaw, each of which needs many seconds to start.
  test("a tarball installs, its commands work without a gateway, and a gateway serves it", {
    timeout: 300_000,
  }, async () => {
    plugin = await builtPlugin();
    gateway = await makeGateway();
    const tarball = await packedPlugin(plugin);
    await gateway.cli(["plugins", "install", tarball, "--force", "--accept-capabilities"]);
    const { plugins } = JSON.parse(await gateway.cli(["plugins", "list", "--json"])) as {
      plugins: { id: string; enabled: boolean }[];
    };
    expect(plugins.find((one) => one.id === "openclaw-provisioning")).toMatchObject({ enabled: true });
    const made = await gateway.cli(["provisioning", "init", "--json"]);
    expect(JSON.parse(made)).toEqual(expect.any(Object));
    const agent = JSON.parse(await gateway.cli(["provisioning", "agents", "create", "--name", "offline", "--json"]));
    expect(agent).toMatchObject({ agentId: "offline" });
    // The plugin looks at its calls as soon as the gateway runs.
    const { agents } = JSON.parse(await readFile(join(gateway.stateDir, "openclaw.json"), "utf8"));
    expect(agents.entries.offline.tools.allow).toEqual(expect.arrayContaining(["write", "message", "sessions_spawn"]));
    await gateway.start();
    const { body } = await gateway.api("GET", "/agents");
    expect((body as { agents: { agentId: string }[] }).agents.map((one) => one.agentId)).toEqual(["main", "offline"]);
    await gateway.cli(["provisioning", "agents", "delete", "offline", "--delete-workspace", "--delete-sessions"]);
    const listed = JSON.parse(await gateway.cli(["agents", "list", "--json"])) as { id: string }[];
    expect(listed.map((one) => one.id)).toEqual(["main"]);
  });

  test("a setting that is wrong is told, and does not keep the gateway from starting", async () => {
    plugin = await builtPlugin();
    gateway = await makeGateway({ config: { gateway: { provisioning: { maxAgentsPerKey: "many" } } } });
    await gateway.cli(["plugins", "install", "--link", plugin, "--force", "--accept-capabilities"]);
    await gateway.start();
    const { status, body } = await gateway.api("GET", "/agents");
    expect([status, body.code]).toEqual([503, "not_ready"]);
    expect(await gateway.log()).toContain("maxAgentsPerKey");
  });
});
