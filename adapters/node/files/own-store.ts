import { type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { SettingsError } from "../../../src/settings/settings-error.ts";
import { octal } from "./octal.ts";
import { bitsForOthers, isRootsForUs } from "./own-group.ts";
import { runAs } from "./path-fault.ts";

/**
 * Refuses to work on the store of another user: files that it leaves there the server could not use. Root can do
 * everything, and so would be told of it by nothing else.
 *
 * @throws SettingsError saying as whom to run
 */
export function requireOwnStore(stateDir: string): void {
  const self = process.getuid?.();
  if (self === undefined) return;
  const store = statIfSeen(join(stateDir, "provisioning"));
  const volume = statIfSeen(stateDir);
  if (store && store.uid !== self && !isRootsForUs(store)) throw ofAnother(join(stateDir, "provisioning"), store, self);
  if (store || !volume || self !== 0) return;
  if (volume.uid !== 0) throw ofAnother(stateDir, volume, self);
  // Root's own directory that a group may write into is a volume, mounted for a service of that group.
  if (bitsForOthers(volume) & 0o020) {
    throw new SettingsError(
      `${stateDir} is shared with the group ${volume.gid} (mode ${octal(volume.mode)}), and this process runs as root: ` +
        "run it as the service's user (docker exec without -u, docker run -u ...)",
    );
  }
}

const ofAnother = (path: string, { uid }: Stats, self: number): SettingsError =>
  new SettingsError(`${path} belongs to uid ${uid}, and this process runs as uid ${self}: ${runAs(uid)}`);

/** The first step that needs a path that cannot be looked at tells of it. */
function statIfSeen(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
