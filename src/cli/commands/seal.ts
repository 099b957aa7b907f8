import type { Command } from "commander";
import { leaf, type Tree } from "../leaf.ts";
import { secretValue } from "../secret-value.ts";

export function addSealCommand(tree: Tree, parent: Command): void {
  leaf<{ key?: string }>(tree, parent, {
    name: "seal",
    description: "Seal a secret for config.json: a gateway's token or key",
    // Only this deployment's seal key can.
    localOnly: true,
    configure: (command) =>
      command.option("--key <secret>", "the secret; - reads it from stdin, as without this option"),
    run: async ({ cli, options, out }) => {
      const sealed = await cli.seal(await secretValue(cli, "--key", options.key ?? "-", []));
      if (options.json) out.json({ sealed });
      else out.line(sealed);
    },
  });
}
