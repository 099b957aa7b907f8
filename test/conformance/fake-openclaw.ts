import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConfigAccess } from "../../adapters/openclaw/config-access.ts";
import { inProcessConfig } from "../../adapters/openclaw/config-access.ts";
import { dropAgent } from "../../adapters/openclaw/config-entries.ts";
import { GatewayAway, type GatewayRpc } from "../../adapters/openclaw/gateway-rpc.ts";
import type { OpenClawConfig } from "../../adapters/openclaw/openclaw-config.ts";
import type { ConfigSnapshot, MutateConfig, ProfileStore, ProviderAuth } from "../../adapters/openclaw/sdk.ts";
import { createTrash, type Trash } from "../../adapters/openclaw/trash.ts";

export interface FakeOpenClaw {
  home: string;
  stateDir: string;
  config: ConfigAccess;
  auth: ProviderAuth;
  gateway: GatewayRpc;
  trash: Trash;
  trashDir: string;
  file(): OpenClawConfig;
  /** How often the file was written. */
  writes(): number;
  /** How many writes came while an earlier one was being taken up: OpenClaw gives that up, and restarts at worst. */
  superseded(): number;
  /** The calls that the gateway received. */
  calls: { method: string; params: Record<string, unknown> }[];
  failNextWrites(times: number): void;
  /** How long a deletion goes on after its write. */
  deleteIn(ms: number): void;
  /** Whether reloads fail, as where OpenClaw cannot replace a plugin that a turn works with. */
  failReloads(fail: boolean): void;
  close(): Promise<void>;
}

/**
 * The host's view of OpenClaw 2026.9.6, as far as it was seen to behave: a configuration that is taken up after a
 * while, stores of keys, and a gateway that deletes into the trash and remembers whom it deleted.
 */
export async function makeFakeOpenClaw({
  running,
  reloadMs = () => 10,
}: {
  running: boolean;
  /** How long a write is taken up, by the agents that there are. */
  reloadMs?: (agents: number) => number;
}): Promise<FakeOpenClaw> {
  const home = await realpath(await mkdtemp(join(tmpdir(), "openclaw-host-")));
  const stateDir = join(home, ".openclaw");
  const trashDir = join(home, ".Trash");
  const path = join(stateDir, "openclaw.json");
  const calls: FakeOpenClaw["calls"] = [];
  let writes = 0;
  let superseded = 0;
  let reloads = 0;
  let failures = 0;
  let failsReloads = false;
  let deletionMs = 0;
  let closed = false;
  let slot = 0;
  for (const directory of [stateDir, trashDir, join(stateDir, "state")]) mkdirSync(directory, { mode: 0o700 });
  writeFileSync(path, JSON.stringify({ gateway: { mode: "local" } }), { mode: 0o600 });
  const state = new DatabaseSync(join(stateDir, "state", "openclaw.sqlite"));
  state.exec("CREATE TABLE agent_deletion_journal (agent_id TEXT PRIMARY KEY, cleanup_completed INTEGER)");

  const file = (): OpenClawConfig => JSON.parse(readFileSync(path, "utf8")) as OpenClawConfig;
  let live = file();
  /** A file that cannot be read is shown as an empty one. */
  function readSnapshot(): ConfigSnapshot {
    if (!existsSync(path)) return { exists: false, valid: true, sourceConfig: {} };
    try {
      return { exists: true, valid: true, sourceConfig: file(), authoredConfig: file() };
    } catch {
      return { exists: true, valid: false, sourceConfig: {} };
    }
  }
  const mutateConfigFile: MutateConfig = async ({ mutate, writeOptions }) => {
    const snapshot = readSnapshot();
    const before = snapshot.sourceConfig;
    const draft = structuredClone(before);
    mutate(draft, { snapshot });
    if (failures > 0) {
      failures--;
      throw new Error("/some/path/openclaw.json: invalid");
    }
    for (const id of Object.keys(before.agents?.entries ?? {})) {
      const allowed = writeOptions?.allowedAgentRosterRemovals?.includes(id);
      if (!draft.agents?.entries?.[id] && !allowed) throw new Error(`the roster lost "${id}"`);
    }
    if (before.agents?.entries === undefined && draft.agents?.entries) {
      draft.agents.entries = { main: { workspace: join(stateDir, "workspace") }, ...draft.agents.entries };
    }
    writes++;
    if (reloads > 0) superseded++;
    reloads++;
    writeFileSync(path, JSON.stringify(draft));
    setTimeout(
      () => {
        reloads--;
        if (!closed && !failsReloads) live = file();
      },
      reloadMs(Object.keys(draft.agents?.entries ?? {}).length),
    ).unref();
  };

  const readConfigFileSnapshotForWrite = async () => ({ snapshot: readSnapshot() });

  const storePath = (agentDir: string) => join(agentDir, "openclaw-agent.sqlite");
  const auth: ProviderAuth = {
    async updateAuthProfileStoreWithLock({ agentDir, updater }) {
      const database = new DatabaseSync(storePath(agentDir));
      try {
        database.exec("CREATE TABLE IF NOT EXISTS store (id INTEGER PRIMARY KEY, text TEXT)");
        const row = database.prepare("SELECT text FROM store").get();
        const store = (row ? JSON.parse(row.text as string) : { profiles: {} }) as ProfileStore;
        if (updater(store)) {
          database.prepare("INSERT OR REPLACE INTO store VALUES (1, ?)").run(JSON.stringify(store));
        }
        return store;
      } finally {
        database.close();
      }
    },
  };

  const toTrash = (from: string): void => {
    if (!existsSync(from)) return;
    const to = join(trashDir, `slot-${++slot}`);
    mkdirSync(to);
    renameSync(from, join(to, basename(from)));
  };

  const methods: Record<string, (params: Record<string, unknown>) => Promise<unknown>> = {
    async "agents.delete"({ agentId }) {
      const id = agentId as string;
      const entry = file().agents?.entries?.[id];
      if (!entry) throw new Error("not found");
      await mutateConfigFile({
        afterWrite: { mode: "auto" },
        writeOptions: { allowedAgentRosterRemovals: [id] },
        mutate: (draft) => dropAgent(draft, id),
      });
      const note = state.prepare("INSERT OR REPLACE INTO agent_deletion_journal VALUES (?, ?)");
      note.run(id, 0);
      await sleep(deletionMs);
      const agentDir = entry.agentDir ?? join(stateDir, "agents", id, "agent");
      for (const one of [storePath(agentDir), agentDir, join(stateDir, "agents", id, "sessions")]) toTrash(one);
      toTrash(entry.workspace!);
      note.run(id, 1);
      return { ok: true, failed: [] };
    },
    async "agents.create"({ name, workspace }) {
      const id = name as string;
      await mutateConfigFile({
        afterWrite: { mode: "auto" },
        mutate(draft) {
          draft.agents!.entries![id] = { name: id, workspace: workspace as string };
        },
      });
      state.prepare("DELETE FROM agent_deletion_journal WHERE agent_id = ?").run(id);
      return { ok: true };
    },
    "models.authRefresh": async () => ({ ok: true }),
  };

  return {
    home,
    stateDir,
    config: {
      ...inProcessConfig(
        path,
        { current: () => live, mutateConfigFile },
        { readConfigFileSnapshotForWrite },
        () => live,
      ),
      async nudge() {
        if (!failsReloads) live = file();
      },
    },
    auth,
    gateway: {
      async request<T>(method: string, params: Record<string, unknown>): Promise<T> {
        calls.push({ method, params });
        if (!running) throw new GatewayAway("nothing runs");
        await sleep(1);
        return (await methods[method]!(params)) as T;
      },
    },
    trash: createTrash(trashDir),
    trashDir,
    file,
    writes: () => writes,
    superseded: () => superseded,
    calls,
    failNextWrites(times) {
      failures = times;
    },
    deleteIn(ms) {
      deletionMs = ms;
    },
    failReloads(fail) {
      failsReloads = fail;
    },
    async close() {
      closed = true;
      state.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}
