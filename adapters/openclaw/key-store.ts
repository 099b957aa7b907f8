import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { Problem } from "../../src/errors.ts";
import type { ProfileStore, ProviderAuth, StoredProfile } from "./sdk.ts";

/** The entries to be put into a store, over those that are there. */
export interface StorePatch {
  /** Begins with an empty store. */
  clear?: true;
  profiles?: Record<string, StoredProfile>;
  order?: Record<string, string[]>;
  lastGood?: Record<string, string>;
  /** Profiles whose earlier failures no longer count. */
  forgive?: string[];
}

export interface KeyStore {
  /** Without a patch nothing is changed. Resolves to the profiles that are there then. */
  update(agentDir: string, patch?: StorePatch): Promise<Record<string, StoredProfile>>;
  /** Whether this process has the agent's store open from then on. */
  readonly keepsOpen: boolean;
}

/** Complete in itself: it is also run, from its own text, in another process. */
function applyPatch(store: ProfileStore, patch: StorePatch | undefined): boolean {
  if (!patch) return false;
  store.profiles = { ...(patch.clear ? {} : store.profiles), ...patch.profiles };
  store.order = { ...(patch.clear ? {} : store.order), ...patch.order };
  store.lastGood = { ...(patch.clear ? {} : store.lastGood), ...patch.lastGood };
  const usage = patch.clear ? {} : { ...store.usageStats };
  for (const id of patch.forgive ?? []) delete usage[id];
  store.usageStats = usage;
  return true;
}

const held = () => new Problem("host_unavailable", "The agent's credential store is held by another process.");

/** In the gateway's own process, which then uses what is stored at once. */
export function inProcessKeyStore(auth: ProviderAuth, stateDir: string): KeyStore {
  return {
    keepsOpen: true,
    async update(agentDir, patch) {
      let profiles: Record<string, StoredProfile> = {};
      const stored = await auth.updateAuthProfileStoreWithLock({
        agentDir,
        stateDir,
        updater(store) {
          const changed = applyPatch(store, patch);
          profiles = { ...store.profiles };
          return changed;
        },
      });
      if (stored === null) throw held();
      return profiles;
    },
  };
}

const childProgram = `
  ${applyPatch.toString()}
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const { sdk, agentDir, stateDir, patch } = JSON.parse(Buffer.concat(chunks).toString());
  const { updateAuthProfileStoreWithLock } = await import(sdk);
  let profiles = {};
  const stored = await updateAuthProfileStoreWithLock({ agentDir, stateDir, updater(store) {
    const changed = ${applyPatch.name}(store, patch);
    profiles = store.profiles;
    return changed;
  } });
  process.stdout.write("\\n" + JSON.stringify(stored === null ? null : profiles), () => process.exit(0));
`;

/**
 * From outside of the gateway, each call in a process of its own: OpenClaw keeps a store open until its process ends,
 * and a gateway deletes no agent whose store another process has open.
 *
 * @param sdk the module's address; its secrets go in and out by pipes
 */
export function childKeyStore(sdk: string, stateDir: string): KeyStore {
  return {
    keepsOpen: false,
    async update(agentDir, patch) {
      const child = spawn(process.execPath, ["--no-warnings", "--input-type=module", "--eval", childProgram], {
        stdio: ["pipe", "pipe", "ignore"],
        env: { ...process.env, OPENCLAW_STATE_DIR: stateDir },
      });
      child.stdin.on("error", () => undefined);
      child.stdin.end(JSON.stringify({ sdk, agentDir, stateDir, patch }));
      const [output, code] = await Promise.all([
        text(child.stdout),
        new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve)),
      ]);
      if (code !== 0) throw new Problem("host_unavailable", "OpenClaw's credential store could not be used.");
      const profiles = JSON.parse(output.slice(output.lastIndexOf("\n") + 1)) as Record<string, StoredProfile> | null;
      if (profiles === null) throw held();
      return profiles;
    },
  };
}
