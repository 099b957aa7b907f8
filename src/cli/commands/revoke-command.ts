import type { Command } from "commander";
import { leaf, type Tree } from "../leaf.ts";
import { shortTime } from "../output.ts";

/** `<group> revoke <key-id>`; of one that is revoked already it says since when. */
export function addRevokeCommand(
  tree: Tree,
  group: Command,
  { thing, description, of }: { thing: string; description: string; of: "agentKeys" | "aiProviders" },
): void {
  leaf<object, [id: string]>(tree, group, {
    name: "revoke",
    description,
    configure: (command) => command.argument("<key-id>", `as \`${group.name()} list\` shows it`),
    run: async ({ options, out, withClient }, id) => {
      const { revoked, already } = await withClient("operator", async ({ [of]: calls }) => {
        const before = (await calls.list()).keys.find((key) => key.id === id);
        if (before?.status === "revoked") return { revoked: before, already: true };
        return { revoked: await calls.revoke(id), already: false };
      });
      if (options.json) return out.json(revoked);
      const named = `${thing} ${id} ("${revoked.name}")`;
      out.line(already ? `${named} was already revoked at ${shortTime(revoked.revokedAt)}.` : `${named} is revoked.`);
    },
  });
}
