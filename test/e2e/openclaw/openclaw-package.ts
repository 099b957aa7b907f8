import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export const openClawVersion = "2026.9.6";

export interface OpenClawPackage {
  /** The directory of the package itself. */
  directory: string;
  /** `openclaw` and the Node that it needs, first on it. */
  path: string;
}

/**
 * The real package, from a cache outside of the repository: it is a few hundred MB. Its installation refuses a Node
 * older than the one that it needs, so that one is installed before it.
 */
export async function openClawPackage(): Promise<OpenClawPackage> {
  const cache =
    process.env.OPENCLAW_E2E_CACHE || join(homedir(), ".cache", "openclaw-provisioning", `openclaw-${openClawVersion}`);
  const bin = join(cache, "node_modules", ".bin");
  const path = [bin, process.env.PATH].join(delimiter);
  const directory = join(cache, "node_modules", "openclaw");
  if (!existsSync(join(directory, "openclaw.mjs"))) {
    console.log(`installing openclaw@${openClawVersion} into ${cache}`);
    await mkdir(dirname(cache), { recursive: true });
    // Two test files may both find none.
    const fresh = await mkdtemp(`${cache}-`);
    const env = { ...process.env, PATH: [join(fresh, "node_modules", ".bin"), process.env.PATH].join(delimiter) };
    for (const name of ["node@24.21.0", `openclaw@${openClawVersion}`]) {
      const args = ["install", "--prefix", fresh, "--no-audit", "--no-fund", "--save", name];
      await run("npm", args, { env, maxBuffer: 1e8 });
    }
    await rename(fresh, cache).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY") throw error;
    });
    await rm(fresh, { recursive: true, force: true });
  }
  return { directory, path };
}
