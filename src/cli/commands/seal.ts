import type { Command } from "commander";
import { leaf, type Tree } from "../leaf.ts";
import { secretValue } from "../secret-value.ts";

/**
 * `seal`, with this machine's seal key alone, and `seal rotate`, which another deployment does too if its address is
 * given.
 */
export function addSealCommands(tree: Tree, parent: Command): void {
  const group = leaf<{ key?: string }>(tree, parent, {
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
  leaf(tree, group, {
    name: "rotate",
    description: "Seal every stored secret anew, under a new key in seal.key or the first of two in the environment",
    run: async ({ cli, options, out, withClient }) => {
      const rotate = () => withClient("operator", (client) => client.seal.rotate());
      const local = options.url === undefined ? cli.rotateSeal : undefined;
      const { kept, ...rotated } = local ? await local(rotate) : { kept: undefined, ...(await rotate()) };
      if (options.json) return out.json({ ...rotated, ...(kept !== undefined && { kept }) });
      out.line(`All stored secrets are under the seal key ${rotated.sealKey}; ${rotated.resealed} were under another.`);
      out.line(kept ?? "The older key opens nothing any more: take it out of what you keep.");
    },
  });
}
