import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { Problem } from "../../src/errors.ts";
import type { ProfileStore, ProviderAuth, StoredProfile } from "./sdk.ts";

/** The entries to be put into a store, over those that are there. */
interface StorePatch {
  /** Begins with an empty store. */
  clear?: true;
  /** `null` takes one out. */
  profiles?: Record<string, StoredProfile | null>;
  order?: Record<string, string[] | null>;
  lastGood?: Record<string, string | null>;
  /** Profiles whose earlier failures no longer count. */
  forgive?: string[];
  /** Before all else, profiles that are there are copied to these names, unless such a copy is there already. */
  copies?: Record<string, string>;
  /** Profiles are taken from these names, and go from there; a name that is not there changes nothing. */
  moves?: Record<string, string>;
}

/** The parts of a store that are read here. */
export type StoreView = Pick<ProfileStore, "profiles" | "order" | "lastGood">;

export interface KeyStore {
  /** Without a patch nothing is changed. Resolves to what is there then. */
  update(agentDir: string, patch?: StorePatch): Promise<StoreView>;
  /** Whether this process has the agent's store open from then on. */
  readonly keepsOpen: boolean;
}

/** Complete in itself: it is also run, from its own text, in another process. */
function applyPatch(store: ProfileStore, patch: StorePatch | undefined): boolean {
  if (!patch) return false;
  const over = <T>(there: Record<string, T> | undefined, more: Record<string, T | null> | undefined) => {
    const next: Record<string, T> = { ...(patch.clear ? {} : there) };
    for (const [name, value] of Object.entries(more ?? {})) {
      if (value === null) delete next[name];
      else next[name] = value;
    }
    return next;
  };
  const before = store.profiles;
  const copied = Object.entries(patch.copies ?? {}).filter(([to, from]) => !before[to] && before[from]);
  store.profiles = over(
    { ...before, ...Object.fromEntries(copied.map(([to, from]) => [to, before[from]!])) },
    patch.profiles,
  );
  for (const [to, from] of Object.entries(patch.moves ?? {})) {
    if (!before[from]) continue;
    store.profiles[to] = before[from];
    delete store.profiles[from];
  }
  const hadOrder = store.order !== undefined;
  const hadLastGood = store.lastGood !== undefined;
  const order = over(store.order, patch.order);
  const lastGood = over(store.lastGood, patch.lastGood);
  if (hadOrder || Object.keys(order).length > 0) store.order = order;
  if (hadLastGood || Object.keys(lastGood).length > 0) store.lastGood = lastGood;
  const usage = patch.clear ? {} : { ...store.usageStats };
  for (const id of patch.forgive ?? []) delete usage[id];
  store.usageStats = usage;
  return true;
}

const viewOf = ({ profiles, order, lastGood }: ProfileStore): StoreView =>
  structuredClone({ profiles, order, lastGood });

const held = () => new Problem("host_unavailable", "The agent's credential store is held by another process.");

/** The store in the gateway's own process, which then uses what is stored at once. */
export function inProcessKeyStore(auth: ProviderAuth, stateDir: string): KeyStore {
  return {
    keepsOpen: true,
    async update(agentDir, patch) {
      let view: StoreView = { profiles: {} };
      const stored = await auth.updateAuthProfileStoreWithLock({
        agentDir,
        stateDir,
        updater(store) {
          const changed = applyPatch(store, patch);
          view = viewOf(store);
          return changed;
        },
      });
      if (stored === null) throw held();
      return view;
    },
  };
}

const childProgram = `
  ${applyPatch.toString()}
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const { sdk, agentDir, stateDir, patch } = JSON.parse(Buffer.concat(chunks).toString());
  const { updateAuthProfileStoreWithLock } = await import(sdk);
  let view;
  let profiles = {};
  const stored = await updateAuthProfileStoreWithLock({ agentDir, stateDir, updater(store) {
    const changed = ${applyPatch.name}(store, patch);
    view = { profiles: store.profiles, order: store.order, lastGood: store.lastGood };
    return changed;
  } });
  process.stdout.write("\\n" + JSON.stringify(stored === null ? null : view), () => process.exit(0));
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
      const view = JSON.parse(output.slice(output.lastIndexOf("\n") + 1)) as StoreView | null;
      if (view === null) throw held();
      return view;
    },
  };
}
