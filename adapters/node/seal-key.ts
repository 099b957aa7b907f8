import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { sealedInText } from "../../src/service/secrets/config-secret.ts";
import { parseSealKeys } from "../../src/settings/credentials.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import type { Environment } from "./environment.ts";
import { makePrivateDirectory, placeNew, syncDirectory, temporaryIn, writePrivate } from "./files/atomic-write.ts";
import { readPrivate, type Stamp, statOf, unchanged } from "./files/private-file.ts";
import { configText } from "./read-config.ts";
import { withSecretFiles } from "./secret-variables.ts";

const file = "provisioning/seal.key";

const variable = "OPENCLAW_PROVISIONING_SEAL_KEY";

/** Beside a server whose environment has the key: a command that was not given it must not make another one. */
const givenMark = "provisioning/seal.given";

/** The seal keys of this machine; secrets are sealed under the first. */
export interface SealKeys {
  (): readonly Uint8Array[];
  /**
   * Takes over what the environment says by now; absent where the keys are in `seal.key`.
   *
   * @returns whether that is something else
   * @throws SettingsError where it has none of the keys from before: nothing that is stored would open
   */
  reread?(): boolean;
}

/**
 * The keys under which secrets are sealed: `OPENCLAW_PROVISIONING_SEAL_KEY`, or `provisioning/seal.key`, made at the
 * first start. The file is looked at again at each use, since `seal rotate` may run beside the server.
 *
 * @param isStored whether what is sealed stays in this directory
 * @throws SettingsError, Problem `store_unreadable`
 */
export async function openSealKeys(
  stateDir: string,
  env: Environment,
  { isStored = true }: { isStored?: boolean } = {},
): Promise<SealKeys> {
  const given = withSecretFiles(env)[variable];
  if (given) {
    const keys = parseSealKeys(given, variable);
    if (isStored) await markGiven(stateDir);
    return givenKeys(env, keys);
  }
  if (!readPrivate(stateDir, file)) {
    refuseAnother(stateDir, env);
    refuseBesideGiven(stateDir);
    await make(stateDir);
  }
  let known: { keys: Uint8Array[]; stamp: Stamp } | undefined;
  const current = (): readonly Uint8Array[] => {
    const stats = statOf(stateDir, file);
    if (known && stats && unchanged(known.stamp, stats)) return known.keys;
    const read = readPrivate(stateDir, file);
    // A file that is taken away while the server runs: what it has in memory still opens everything.
    if (!read) return known?.keys ?? [];
    known = { keys: parseSealKeys(read.text.trim().replaceAll(/\s+/g, ","), file), stamp: read.stamp };
    return known.keys;
  };
  current();
  return current;
}

function givenKeys(env: Environment, first: Uint8Array[]): SealKeys {
  let keys = first;
  const texts = (of: readonly Uint8Array[]) => of.map((key) => Buffer.from(key).toString("base64url"));
  return Object.assign(() => keys, {
    reread() {
      const next = parseSealKeys(withSecretFiles(env)[variable] ?? "", variable);
      const [before, after] = [texts(keys), texts(next)];
      if (!after.some((key) => before.includes(key))) {
        throw new SettingsError(
          `${variable} has none of the keys that are in use: put the new one in front of the old one, with a comma between them`,
        );
      }
      keys = next;
      return before.join() !== after.join();
    },
  });
}

/** Under another key nothing that is stored would open, and a backup that has the right one would look like a fault. */
function refuseAnother(stateDir: string, env: Environment): void {
  const documents = ["provisioning/ai-providers.json", "provisioning/webhooks.json"];
  const texts = [
    ...documents.map((source) => ({ source, text: textOf(join(stateDir, source)) })),
    configText(env, stateDir),
  ];
  const holding = texts.flatMap((one) => (one && sealedInText(one.text) ? [one.source] : []));
  if (holding.length === 0) return;
  throw new SettingsError(
    `${file} is gone, and ${holding.join(" and ")} ${holding.length > 1 ? "hold" : "holds"} secrets that were sealed ` +
      "under it: put it back from the backup, or set OPENCLAW_PROVISIONING_SEAL_KEY to what it held. If it is lost, put " +
      "a new one there (openssl rand -base64 32 | tr '+/' '-_' | tr -d '=' > seal.key, mode 600), and store each " +
      "provider's key anew with `provisioning ai-providers rotate <id> --key -`",
  );
}

async function markGiven(stateDir: string): Promise<void> {
  if (existsSync(join(stateDir, givenMark))) return;
  await makePrivateDirectory(join(stateDir, "provisioning"));
  await writePrivate(join(stateDir, givenMark), `The seal key of this directory is ${variable}.\n`);
}

/** The server could not open secrets that another key sealed. */
function refuseBesideGiven(stateDir: string): void {
  if (!existsSync(join(stateDir, givenMark))) return;
  throw new SettingsError(
    `the server of this state directory has its seal key from ${variable}: set it to the same here. To begin with a ` +
      `key in ${file}, remove ${givenMark}`,
  );
}

/** Empty where it cannot be read: that is told of where it is needed. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Two processes may start at once: the file appears whole, and the first one stays. */
async function make(stateDir: string): Promise<void> {
  const directory = join(stateDir, "provisioning");
  await makePrivateDirectory(directory);
  const temporary = temporaryIn(directory, "seal.key");
  const descriptor = openSync(temporary, "wx", 0o600);
  try {
    writeSync(descriptor, `${newKey()}\n`);
    // Master keys are soon sealed under it, in files that a power cut leaves whole.
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  try {
    placeNew(temporary, join(stateDir, file));
  } finally {
    rmSync(temporary, { force: true });
  }
  await syncDirectory(directory);
}

const newKey = (): string => randomBytes(32).toString("base64url");

/**
 * The two steps of a rotation that the file takes: first both keys stand in it, the new one in front, and once
 * everything is sealed under that, it alone. A rotation that broke off between them is taken up where it was.
 */
export const sealKeyFile = {
  async addKey(stateDir: string): Promise<void> {
    const keys = linesOf(stateDir);
    if (keys.length === 1) await writePrivate(join(stateDir, file), `${[newKey(), ...keys].join("\n")}\n`);
  },
  async dropOlder(stateDir: string): Promise<void> {
    const [newest] = linesOf(stateDir);
    await writePrivate(join(stateDir, file), `${newest}\n`);
  },
};

const linesOf = (stateDir: string): string[] => (readPrivate(stateDir, file)?.text ?? "").trim().split(/\s+/);
