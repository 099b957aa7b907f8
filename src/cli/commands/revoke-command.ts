import type { Command } from "commander";
import type { Client } from "../../client/client.ts";
import { leaf, type Tree } from "../leaf.ts";
import { shortTime } from "../output.ts";

interface Revocable {
  id: string;
  name: string;
  status: string;
  revokedAt?: string | undefined;
}

/** The two calls of the client, as `client.agentKeys` has them. */
interface RevocableCalls {
  list(): Promise<{ keys: Revocable[] }>;
  revoke(id: string): Promise<Revocable>;
}

/** `<group> revoke <key-id>`; of one that is revoked already it says since when. */
export function addRevokeCommand(
  tree: Tree,
  group: Command,
  { thing, description, callsOf }: { thing: string; description: string; callsOf: (client: Client) => RevocableCalls },
): void {
  leaf<object, [id: string]>(tree, group, {
    name: "revoke",
    description,
    configure: (command) => command.argument("<key-id>", `as \`${group.name()} list\` shows it`),
    run: async ({ options, out, withClient }, id) => {
      const { revoked, already } = await withClient("operator", async (client) => {
        const calls = callsOf(client);
        const before = (await calls.list()).keys.find((key) => key.id === id);
        if (before?.status === "revoked") return { revoked: before, already: true };
        return { revoked: await calls.revoke(id), already: false };
      });
      if (options.json) return out.json(revoked);
      out.line(
        already
          ? `${thing} ${id} ("${revoked.name}") was already revoked at ${shortTime(revoked.revokedAt)}.`
          : `${thing} ${id} ("${revoked.name}") is revoked.`,
      );
    },
  });
}
