import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const node = "node@24.21.0";

export interface ClientPackage {
  /** `node_modules` of the cache. */
  modules: string;
  /** The client and the Node that it needs. */
  bin: string;
}

/**
 * The real client, from a cache outside of the repository, with the Node of this project.
 *
 * @returns why it cannot be had, where npm does not give it
 */
export async function clientPackage(packages: readonly string[]): Promise<ClientPackage | string> {
  const [, name, version] = /([^/]+)@([^@]+)$/.exec(packages[0]!)!;
  const root = process.env.CLIENTS_E2E_CACHE || join(homedir(), ".cache", "openclaw-provisioning");
  const cache = join(root, `clients-${name}-${version}`);
  const modules = join(cache, "node_modules");
  const whole = join(cache, "installed.json");
  const wanted = JSON.stringify([...packages, node]);
  if ((await readFile(whole, "utf8").catch(() => "")) !== wanted) {
    console.log(`installing ${packages.join(", ")} into ${cache}`);
    await mkdir(cache, { recursive: true });
    // Only the named packages among those installed may run scripts: some unpack their program in one.
    const named = [...packages, node].map((one) => [one.slice(0, one.lastIndexOf("@")), true] as const);
    await writeFile(join(cache, "package.json"), JSON.stringify({ allowScripts: Object.fromEntries(named) }));
    try {
      const args = ["install", "--prefix", cache, "--no-audit", "--no-fund", "--save-exact", node, ...packages];
      await run("npm", args, { maxBuffer: 1e8, timeout: 480_000 });
    } catch (error) {
      await rm(cache, { recursive: true, force: true });
      return `npm does not install ${packages.join(", ")}: ${String(error).slice(0, 300)}`;
    }
    await writeFile(whole, wanted);
  }
  return { modules, bin: join(modules, ".bin") };
}
