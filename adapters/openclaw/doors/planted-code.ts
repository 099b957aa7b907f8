import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { OpenDoor } from "../../../src/ports.ts";
import type { OpenClawConfig } from "../openclaw-config.ts";
import { confined } from "./message-content.ts";

const namesIn = (directory: string): string[] => {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
};

/** Settings of git that name a program, or a file with more of them. The first of a section may stand beside its name. */
const programs =
  /(?:^|\])\s*(clean|smudge|process|fsmonitor|hookspath|textconv|command|driver|external|sshcommand|helper|pager|editor|path)\s*=/im;

const textOf = (file: string): string => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // Most workspaces are no repository of their own.
    return "";
  }
};

function repositoryNotices(agentId: string, workspace: string): OpenDoor[] {
  const settings = [
    // Git reads the second one where the first says so.
    join(".git", "config"),
    join(".git", "config.worktree"),
    // `HEAD` makes a repository of the workspace itself, whose settings lie in it.
    ...(existsSync(join(workspace, "HEAD")) ? ["config", "config.worktree"] : []),
  ];
  return settings
    .filter((setting) => programs.test(textOf(join(workspace, setting))))
    .map((setting) => ({
      agentId,
      setting,
      detail: `the repository of the agent "${agentId}" names programs, which OpenClaw's git runs on the gateway's machine`,
      remedy: `look at ${join(workspace, setting)}, and take out what is not yours`,
      isNotice: true,
    }));
}

/** An older release let its agents' tools put there what no tool may write now. */
export function codeDoors(config: OpenClawConfig, agentIds: readonly string[], stateDir: string): OpenDoor[] {
  return agentIds.flatMap((agentId) => {
    const workspace = confined(config, agentId, stateDir)?.workspace;
    if (workspace === undefined) return [];
    const plugins = namesIn(join(workspace, ".openclaw", "extensions")).length > 0;
    const hooks = namesIn(join(workspace, "hooks")).some((name) =>
      existsSync(join(workspace, "hooks", name, "HOOK.md")),
    );
    const found = [...(plugins ? [join(".openclaw", "extensions")] : []), ...(hooks ? ["hooks"] : [])];
    return [
      ...found.map((setting) => ({
        agentId,
        setting,
        detail: `the agent "${agentId}" has "${setting}" in its workspace, from which OpenClaw loads code into the gateway`,
        remedy: `remove ${join(workspace, setting)}, and what plugins.entries and plugins.allow name and is not installed`,
      })),
      ...repositoryNotices(agentId, workspace),
    ];
  });
}
