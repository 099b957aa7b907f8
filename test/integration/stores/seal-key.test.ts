import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sealLocally } from "../../../adapters/node/open-local.ts";
import { openSealKeys } from "../../../adapters/node/seal-key.ts";
import { SettingsError } from "../../../src/settings/settings-error.ts";

let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "openclaw-seal-"));
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

const path = () => join(stateDir, "provisioning", "seal.key");
const sample = Buffer.alloc(32, 7);

const readSealKey = async (dir: string, env: Record<string, string>) => (await openSealKeys(dir, env))()[0]!;

describe("the seal key", () => {
  it("is made once, private, and the same ever after", async () => {
    const first = await readSealKey(stateDir, {});
    expect(first).toHaveLength(32);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect(statSync(join(stateDir, "provisioning")).mode & 0o777).toBe(0o700);
    expect(readFileSync(path(), "utf8")).toBe(`${Buffer.from(first).toString("base64url")}\n`);
    expect(await readSealKey(stateDir, {})).toEqual(first);
    expect(readdirSync(join(stateDir, "provisioning"))).toEqual(["seal.key"]);
  });

  it("is one, however many processes start at once", async () => {
    const run = promisify(execFile);
    const bundle = [join(import.meta.dirname, "../../../dist/index.js"), "provisioning", "seal"];
    const started = Array.from({ length: 4 }, () => {
      const running = run(process.execPath, bundle, { env: { ...process.env, OPENCLAW_STATE_DIR: stateDir } });
      running.child.stdin!.end("sk-test-not-a-real-key");
      return running;
    });
    const sealed = (await Promise.all(started)).map(({ stdout }) => stdout.trim());
    const key = await readSealKey(stateDir, {});
    const { openConfigSecret } = await import("../../../src/service/secrets/config-secret.ts");
    for (const text of sealed)
      expect(await openConfigSecret({ sealKeys: () => [key] }, text)).toBe("sk-test-not-a-real-key");
    expect(readdirSync(join(stateDir, "provisioning")).filter((name) => name.includes("seal"))).toEqual(["seal.key"]);
  });

  it("may come from the environment, and is not made then, nor by a command that was not given it", async () => {
    const given = { OPENCLAW_PROVISIONING_SEAL_KEY: sample.toString("base64url") };
    expect(Buffer.from(await readSealKey(stateDir, given))).toEqual(sample);
    await expect(readSealKey(stateDir, {})).rejects.toThrow(
      /has its seal key from OPENCLAW_PROVISIONING_SEAL_KEY: set it to the same here/,
    );
    expect(readdirSync(join(stateDir, "provisioning"))).toEqual(["seal.given"]);
    rmSync(join(stateDir, "provisioning/seal.given"));
    expect(await readSealKey(stateDir, {})).toHaveLength(32);
  });

  it("of another deployment, with which a secret is only sealed and printed, is none of this directory's", async () => {
    const env = { OPENCLAW_STATE_DIR: stateDir, OPENCLAW_PROVISIONING_SEAL_KEY: sample.toString("base64url") };
    await sealLocally(env, "sk-test-not-a-real-key");
    expect(await readSealKey(stateDir, {})).not.toEqual(new Uint8Array(sample));
    expect(readdirSync(join(stateDir, "provisioning"))).toEqual(["seal.key"]);
  });

  it.each(["short", Buffer.alloc(31).toString("base64url"), Buffer.alloc(33).toString("base64url"), "!".repeat(43)])(
    "%j is refused with the remedy, and is not shown",
    async (text) => {
      const refused = readSealKey(stateDir, { OPENCLAW_PROVISIONING_SEAL_KEY: text });
      await expect(refused).rejects.toThrow(SettingsError);
      await expect(refused).rejects.toThrow(/OPENCLAW_PROVISIONING_SEAL_KEY is not 32 bytes.*openssl rand/);
      await expect(refused).rejects.not.toThrow(text);
    },
  );

  it("of a wrong length in the file is refused by the file's name, and left as it is", async () => {
    mkdirSync(join(stateDir, "provisioning"), { mode: 0o700 });
    writeFileSync(path(), "c2hvcnQ\n", { mode: 0o600 });
    await expect(readSealKey(stateDir, {})).rejects.toThrow(/provisioning\/seal\.key is not 32 bytes/);
    expect(readFileSync(path(), "utf8")).toBe("c2hvcnQ\n");
  });

  it("that others can read is refused with the remedy", async () => {
    await readSealKey(stateDir, {});
    chmodSync(path(), 0o644);
    await expect(readSealKey(stateDir, {})).rejects.toThrow(/seal\.key is open to others .*chmod 600/);
  });
});
