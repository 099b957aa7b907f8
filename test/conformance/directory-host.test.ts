import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openDirectoryHost } from "../../adapters/node/directory-host/directory-host.ts";
import { keptOfAgent, makeAgentByHand } from "../agent-by-hand.ts";
import { testAgentHost } from "./agent-host.ts";

export async function makeDirectoryHost() {
  const home = await realpath(await mkdtemp(join(tmpdir(), "directory-host-")));
  const stateDir = join(home, ".openclaw");
  return {
    host: openDirectoryHost({ stateDir, home }),
    workspace: (name: string) => join(stateDir, "workspaces", name),
    disk: {
      read: async (path: string) => await readFile(path, "utf8").catch(() => undefined),
      async write(path: string, text: string) {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, text);
      },
      exists: async (path: string) => existsSync(path),
    },
    makeByHand: (agentId: string) => makeAgentByHand(stateDir, agentId),
    kept: (agentId: string) => keptOfAgent(stateDir, agentId),
    async storedKey(agentId: string, provider: string) {
      const store = JSON.parse(
        await readFile(join(stateDir, "agents", agentId, "agent", "auth-profiles.json"), "utf8"),
      );
      const [profileId] = store.order[provider];
      return store.profiles[profileId]?.key as string | undefined;
    },
    close: () => rm(home, { recursive: true, force: true }),
  };
}

testAgentHost("directory", makeDirectoryHost);
