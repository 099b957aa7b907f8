import { execFile } from "node:child_process";
import { cp, mkdtemp, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildTargets } from "../../../build.mjs";

const run = promisify(execFile);

/** A copy of `dist/openclaw-plugin/`, built from the sources as they are now. */
export async function builtPlugin(): Promise<string> {
  if (!process.env.OPENCLAW_E2E_BUILT) await buildTargets(["plugin"]);
  const directory = await realpath(await mkdtemp(join(tmpdir(), "openclaw-plugin-")));
  await cp("dist/openclaw-plugin", directory, { recursive: true });
  return directory;
}

/** The package as it is published. @returns the tarball's path */
export async function packedPlugin(directory: string): Promise<string> {
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", directory], { cwd: directory });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  return join(directory, filename);
}
