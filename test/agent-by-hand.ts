import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const keyByHand = "sk-test-by-hand-not-a-real-key";

/** An agent in the classic layout that nobody made here, with keys of its own, one of them under the name of ours. */
export async function makeAgentByHand(stateDir: string, agentId: string): Promise<void> {
  const agentDir = join(stateDir, "agents", agentId, "agent");
  const sessions = join(stateDir, "agents", agentId, "sessions");
  for (const path of [agentDir, sessions]) await mkdir(path, { recursive: true, mode: 0o700 });
  await writeFile(join(sessions, "old.jsonl"), '{"said":"hello"}\n');
  const profile = { type: "api_key", provider: "anthropic", key: keyByHand };
  const profiles = { "anthropic:own": profile, "anthropic:dedicated": { ...profile, key: `${keyByHand}-2` } };
  const store = { version: 1, profiles, order: { anthropic: ["anthropic:own", "anthropic:dedicated"] } };
  await writeFile(join(agentDir, "auth-profiles.json"), `${JSON.stringify(store, null, 2)}\n`, { mode: 0o600 });
}

/** The files of the agent and their contents; of its store of credentials, the meaning. */
export async function keptOfAgent(stateDir: string, agentId: string): Promise<Record<string, unknown>> {
  const home = join(stateDir, "agents", agentId);
  if (!existsSync(home)) return {};
  const kept: Record<string, unknown> = {};
  for (const entry of await readdir(home, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const text = await readFile(path, "utf8");
    kept[path.slice(home.length + 1)] = entry.name === "auth-profiles.json" ? JSON.parse(text) : text;
  }
  return kept;
}
