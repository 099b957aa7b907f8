import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { SettingsError } from "../../src/settings.ts";
import { makePrivateDirectory, syncDirectory } from "./files/atomic-write.ts";
import { readPrivate } from "./files/private-file.ts";
import type { Environment } from "./node-settings.ts";

const file = "provisioning/seal.key";

/**
 * The 32 bytes under which master keys are sealed: `OPENCLAW_PROVISIONING_SEAL_KEY`, or `provisioning/seal.key`,
 * made at the first start.
 *
 * @throws SettingsError, Problem `store_unreadable`
 */
export async function readSealKey(stateDir: string, env: Environment): Promise<Uint8Array> {
  const given = env.OPENCLAW_PROVISIONING_SEAL_KEY;
  if (given) return decode(given, "OPENCLAW_PROVISIONING_SEAL_KEY");
  const stored = readPrivate(stateDir, file);
  if (stored) return decode(stored.text.trim(), file);
  await make(stateDir);
  return decode(readPrivate(stateDir, file)!.text.trim(), file);
}

function decode(text: string, source: string): Uint8Array {
  const bytes = /^[A-Za-z0-9_-]+=*$/.test(text) ? Buffer.from(text, "base64url") : Buffer.alloc(0);
  if (bytes.length === 32) return new Uint8Array(bytes);
  throw new SettingsError(
    `${source} must be 32 bytes in base64url; make one with: openssl rand -base64 32 | tr '+/' '-_' | tr -d '='`,
  );
}

/** Two processes may start at once: the file appears whole, and the first one stays. */
async function make(stateDir: string): Promise<void> {
  const directory = join(stateDir, "provisioning");
  await makePrivateDirectory(directory);
  const temporary = join(directory, `.seal.key.${randomBytes(6).toString("hex")}-0.tmp`);
  const descriptor = openSync(temporary, "wx", 0o600);
  try {
    writeSync(descriptor, `${randomBytes(32).toString("base64url")}\n`);
    // Master keys are soon sealed under it, in files that a power cut leaves whole.
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  try {
    linkSync(temporary, join(stateDir, file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
  await syncDirectory(directory);
}
