import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Problem } from "../../../src/errors.ts";
import type { OpenClawConfig } from "../openclaw-config.ts";
import { checkTools, containersOwn, type Hold } from "./held-entry.ts";

const run = promisify(execFile);
const usualImage = "openclaw-sandbox:bookworm-slim";

/** The image of OpenClaw's sandbox, as the operator has set it or by default. */
function imageIn(config: OpenClawConfig): string {
  const { sandbox } = (config.agents?.defaults ?? {}) as { sandbox?: { docker?: { image?: string } } };
  return sandbox?.docker?.image ?? usualImage;
}

/** @returns what is missing for OpenClaw's sandbox on this machine, and what mends it */
export async function missingForSandbox(config: OpenClawConfig): Promise<string | undefined> {
  const image = imageIn(config);
  try {
    await run("docker", ["image", "inspect", "--format", "ok", image], { timeout: 10_000 });
    return undefined;
  } catch (error) {
    const { code, stderr = "" } = error as { code?: unknown; stderr?: string };
    if (code === "ENOENT") return "the gateway's machine has no `docker` command: install Docker there";
    if (/no such image/i.test(stderr)) {
      return `the image "${image}" is missing: OpenClaw's scripts/sandbox-setup.sh builds it`;
    }
    return "the Docker engine does not answer the gateway: start it, and let the gateway's user use it";
  }
}

/** Docker starts no container that is to have a directory where the workspace has a file, as `.git` of a worktree is. */
const fileInPlace = (workspace: string): string | undefined =>
  containersOwn.find((name) => statSync(join(workspace, name), { throwIfNoEntry: false })?.isDirectory() === false);

/**
 * The plugin alone, inside the gateway, keeps an agent to its peers, and its programs in the sandbox: a chat's
 * `/exec host=gateway` goes before its entry.
 * @throws Problem `tool_not_allowed`, `confinement_not_supported`
 */
export async function checkHold(
  agentId: string,
  { confinement, tools, peers }: Hold,
  { config, isLookedAt, workspace }: { config: OpenClawConfig; isLookedAt: boolean; workspace?: string },
): Promise<void> {
  checkTools(tools);
  if (peers.length > 0 && !isLookedAt) {
    throw new Problem(
      "confinement_not_supported",
      'Only the plugin inside the gateway can hold an agent to its "peers"; install it, or leave them out.',
    );
  }
  if (peers.includes(agentId)) {
    throw new Problem("confinement_not_supported", 'An agent is no peer of its own; leave it out of "peers".');
  }
  if (confinement !== "sandbox") return;
  if (!isLookedAt) {
    throw new Problem(
      "confinement_not_supported",
      'Only the plugin inside the gateway can keep programs in the "sandbox"; install it, or choose "workspace".',
    );
  }
  const missing = await missingForSandbox(config);
  if (missing !== undefined) {
    throw new Problem("confinement_not_supported", `The confinement "sandbox" needs Docker: ${missing}.`);
  }
  const file = workspace === undefined ? undefined : fileInPlace(workspace);
  if (file !== undefined) {
    throw new Problem(
      "confinement_not_supported",
      `In the "sandbox" the container has a directory of its own at "${file}", which is a file in this workspace: ` +
        "move it away, or choose another workspace.",
    );
  }
}
