import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DoctorReport } from "../../../src/cli/doctor-report.ts";
import { type Identity, runBundle } from "../../run-bundle.ts";
import { adminToken, keyedClient, startServerProcess, token } from "../../server-process.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("skipped, as only root can run a process as another user");

const node: Identity = { uid: 1000, gid: 1000 };
let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "openclaw-volume-"));
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

/** @param mode of the directory itself */
function makeVolume(uid: number, gid: number, mode: number): void {
  chownSync(stateDir, uid, gid);
  chmodSync(stateDir, mode);
}

const variables = (): Record<string, string> => ({
  HOME: "/nonexistent",
  OPENCLAW_STATE_DIR: stateDir,
  OPENCLAW_PROVISIONING_ENABLED: "true",
  OPENCLAW_GATEWAY_TOKEN: token,
  OPENCLAW_ADMIN_TOKEN: adminToken,
  OPENCLAW_GATEWAY_PORT: "0",
});
const { OPENCLAW_GATEWAY_PORT: _, ...forServer } = variables();
const start = (identity: Identity) =>
  startServerProcess(stateDir, { ...forServer, OPENCLAW_STATE_DIR: stateDir }, identity);
const run = (args: string[], identity: Identity = {}) =>
  runBundle(args, variables(), "a-secret-of-a-gateway", identity);

/** Every file and directory of the volume, the volume itself left out. */
const everything = (): string[] => readdirSync(stateDir, { recursive: true, encoding: "utf8" });

/** As Kubernetes does at each mount of a volume whose pod has an fsGroup. */
function mountWithGroup(gid: number): void {
  for (const name of ["", ...everything()]) {
    const path = join(stateDir, name);
    const stats = lstatSync(path);
    chownSync(path, stats.uid, gid);
    chmodSync(path, stats.isDirectory() ? (stats.mode & 0o7777) | 0o2770 : (stats.mode & 0o7777) | 0o660);
  }
}

const sharedFiles = (): string[] =>
  everything().filter((name) => /\.(json|jsonl|key|sqlite)$/.test(name) && statSync(join(stateDir, name)).mode & 0o077);

async function useOnce(identity: Identity, name = "kept"): Promise<string> {
  const server = await start(identity);
  const { client } = await keyedClient(server.origin);
  await client.agents.create({ name });
  expect(await server.stop()).toBe(0);
  return server.output();
}

describe.runIf(isRoot)("a state directory that can no longer be written, beside its server", () => {
  it("is what the doctor names, with the command", async () => {
    makeVolume(1000, 1000, 0o700);
    const server = await start(node);
    const { client } = await keyedClient(server.origin);
    await client.agents.create({ name: "kept" });
    const provisioning = join(stateDir, "provisioning");
    chmodSync(provisioning, 0o500);
    const { exitCode, stdout } = await run(["provisioning", "doctor", "--json"], node);
    const { checks } = JSON.parse(stdout) as DoctorReport;
    const detail = expect.stringContaining(`run "chmod u+rwX ${provisioning}"`);
    expect(checks).toContainEqual({ name: "files", status: "failed", detail });
    expect(exitCode).toBe(1);
    chmodSync(provisioning, 0o700);
    await server.stop();
  });
});

describe.runIf(isRoot)("a volume of Kubernetes with an fsGroup", () => {
  it("serves, takes from the group what it owns, and says so once", async () => {
    makeVolume(0, 1000, 0o2775);
    expect(await useOnce(node)).not.toContain("group");
    mountWithGroup(1000);
    const shared = sharedFiles().length;
    expect(shared).toBeGreaterThan(3);

    const { exitCode, stdout } = await run(["provisioning", "doctor", "--json"], node);
    const found = (JSON.parse(stdout) as DoctorReport).checks.filter(
      ({ name, status }) => status !== "ok" && name !== "prices", // which ages with the day of the test
    );
    expect(found).toMatchObject([
      {
        name: "files",
        status: "warning",
        detail: expect.stringMatching(/^\d+ files and directories are open to the service's own group/),
        remedy: expect.stringMatching(/fsGroup.*fsGroupChangePolicy: OnRootMismatch/),
      },
    ]);
    expect(exitCode).toBe(0);
    expect(sharedFiles()).toHaveLength(shared);

    const server = await start(node);
    try {
      const { client } = await keyedClient(server.origin);
      expect((await client.agents.get("kept")).agentId).toBe("kept");
      const warnings = server
        .output()
        .split("\n")
        .filter((line) => line.includes("own group"));
      expect(warnings).toHaveLength(1);
      expect(JSON.parse(warnings[0]!)).toMatchObject({ level: "warn", files: expect.any(Number) });
    } finally {
      await server.stop();
    }
    expect(sharedFiles()).toEqual([]);
    expect(statSync(join(stateDir, "provisioning")).mode & 0o777).toBe(0o700);
  });

  it("refuses what is open to others, though it belongs to the group", async () => {
    makeVolume(0, 1000, 0o2775);
    await useOnce(node);
    mountWithGroup(1000);
    chmodSync(join(stateDir, "provisioning", "keys.json"), 0o664);
    expect((await run(["serve"], node)).stderr).toMatch(/keys\.json is open to others \(mode 0664\)/);
    chmodSync(join(stateDir, "provisioning", "keys.json"), 0o660);
    chownSync(join(stateDir, "provisioning", "keys.json"), 1000, 1234);
    expect((await run(["serve"], node)).stderr).toMatch(/keys\.json is open to others \(mode 0660\)/);
  });
});

it.runIf(isRoot)("runs as any user of the root group, as OpenShift has it", async () => {
  makeVolume(1000, 0, 0o770);
  await useOnce({ uid: 1_000_660_000, gid: 0 });
  await useOnce({ uid: 1_000_660_000, gid: 0 }, "later");
});

it.runIf(isRoot)("runs as the image's own user on the volume that OpenShift could use", async () => {
  makeVolume(1000, 0, 0o770);
  await useOnce(node);
});

describe.runIf(isRoot)("the command line as another user than the store's", () => {
  const commands = [
    ["provisioning", "agent-keys", "list"],
    ["provisioning", "init"],
    ["provisioning", "doctor", "--fix"],
    ["provisioning", "seal"],
    ["provisioning", "seal", "rotate"],
  ];

  it.each(commands.map((args) => ({ args })))(
    "says as whom to run it, and changes nothing: $args",
    async ({ args }) => {
      makeVolume(1000, 1000, 0o700);
      await useOnce(node);
      const before = everything();
      const { exitCode, stdout, stderr } = await run(args);
      expect(exitCode).toBe(1);
      expect(`${stdout}${stderr}`).toMatch(/belongs to uid 1000.* run it as uid 1000 \(docker exec -u 1000/);
      expect(`${stdout}${stderr}`).not.toContain("chown");
      expect(everything()).toEqual(before);
    },
  );

  it.each([
    ["the image's", 1000, 1000, 0o700],
    ["Kubernetes'", 0, 1000, 0o2775],
    ["the image's, which a group may use", 1000, 0, 0o770],
  ])("leaves nothing of root's in an empty volume, %s", async (_, uid, gid, mode) => {
    makeVolume(uid, gid, mode);
    for (const args of commands) {
      const { exitCode, stdout, stderr } = await run(args);
      expect([args, exitCode]).toEqual([args, 1]);
      expect(`${stdout}${stderr}`).toMatch(/run it as uid 1000|run it as the service's user/);
    }
    expect(everything()).toEqual([]);
  });

  it("says so to a user who cannot even look", async () => {
    makeVolume(1000, 1000, 0o700);
    const { exitCode, stderr } = await run(["provisioning", "agent-keys", "list"], { uid: 1001, gid: 1001 });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/belongs to uid 1000.*mode 0700.*uid 1001.*run it as uid 1000/);
    expect(stderr).not.toContain("chown");
  });
});

describe("a state directory that cannot be used", () => {
  it.runIf(isRoot)("that belongs to root", async () => {
    makeVolume(0, 0, 0o755);
    const { exitCode, stderr } = await run(["serve"], node);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      `error: ${stateDir}/provisioning cannot be used (EACCES): ${stateDir} belongs to uid 0, gid 0, mode 0755`,
    );
    expect(stderr).toMatch(/runs as uid 1000, gid 1000.*chown -R 1000:1000 /);
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
  });

  it.runIf(isRoot)("whose config.json is root's alone", async () => {
    makeVolume(1000, 1000, 0o700);
    writeFileSync(join(stateDir, "config.json"), "{}", { mode: 0o600 });
    expect((await run(["serve"], node)).stderr).toMatch(/config\.json.*EACCES.*uid 0, gid 0, mode 0600.*chown/);
  });

  it("below a file", async () => {
    writeFileSync(join(stateDir, "file"), "");
    stateDir = join(stateDir, "file", "state");
    const { exitCode, stderr } = await run(["serve"]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/cannot be used \(ENOTDIR\): \S+\/file is a file.*OPENCLAW_STATE_DIR/);
    stateDir = join(stateDir, "..", "..");
  });

  describe.runIf(isRoot)("on a disk", () => {
    const mount = (options: string): boolean => {
      try {
        execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", stateDir], { stdio: "pipe" });
        return true;
      } catch (error) {
        console.warn(`skipped, as no tmpfs can be mounted here: ${String(error).split("\n")[0]}`);
        return false;
      }
    };

    it("that is read-only", async ({ skip }) => {
      if (!mount("size=1m,mode=0700,ro")) skip("no tmpfs can be mounted here");
      try {
        expect((await run(["serve"])).stderr).toMatch(/cannot be used \(EROFS\).*read-only.*:ro/);
      } finally {
        execFileSync("umount", ["--lazy", stateDir]);
      }
    });

    it("that is full", async ({ skip }) => {
      if (!mount("size=16k,mode=0700")) skip("no tmpfs can be mounted here");
      try {
        writeFileSync(join(stateDir, "ballast"), Buffer.alloc(12_288));
        expect((await run(["serve"])).stderr).toMatch(/\(ENOSPC\).*no space.*df -h/);
      } finally {
        execFileSync("umount", ["--lazy", stateDir]);
      }
    });

    it("that filled up under a service, as the start and doctor say alike", async ({ skip }) => {
      if (!mount("size=4m,mode=0700")) skip("no tmpfs can be mounted here");
      try {
        expect((await run(["provisioning", "init"])).exitCode).toBe(0);
        const ballast = Buffer.alloc(4_194_304);
        expect(() => writeFileSync(join(stateDir, "ballast"), ballast)).toThrow("ENOSPC");
        const told = /provisioning cannot be used \(ENOSPC\).*no space.*df -h/;
        expect((await run(["serve"])).stderr).toMatch(told);
        expect((await run(["provisioning", "doctor"])).stdout).toMatch(told);
      } finally {
        execFileSync("umount", ["--lazy", stateDir]);
      }
    });
  });
});

it("a shared-memory file that cannot be opened is named, with the way out", async () => {
  const server = await start({});
  await server.stop();
  const shm = join(stateDir, "provisioning", "ledger.sqlite-shm");
  expect(existsSync(shm)).toBe(false);
  symlinkSync("nowhere", shm);
  const { exitCode, stderr } = await run(["serve"]);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(
    /ledger\.sqlite cannot be shared between processes.*local volume.*OPENCLAW_PROVISIONING_STORAGE/,
  );
});
