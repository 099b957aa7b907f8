import { execFileSync } from "node:child_process";

const run = (command: string, args: string[]): string | undefined => {
  try {
    return execFileSync(command, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: 20_000,
    }).trim();
  } catch {
    return undefined;
  }
};

/** How compose is called here: the plugin, or the standalone 1.29. */
export const composeCommand = (): string | undefined =>
  run("docker-compose", ["version", "--short"]) !== undefined
    ? "docker-compose"
    : run("docker", ["compose", "version"]) !== undefined
      ? "docker compose"
      : undefined;

/** Why the Docker tests cannot run on this machine, or `undefined` where they can. */
export function dockerMissing(): string | undefined {
  if (run("docker", ["info", "--format", "{{.ServerVersion}}"]) === undefined) return "no Docker engine answers";
  if (composeCommand() === undefined) return "neither docker-compose nor docker compose is installed";
  return undefined;
}
