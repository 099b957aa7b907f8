import type { Command } from "commander";
import { refused } from "../failure.ts";
import { leaf, type Tree } from "../leaf.ts";
import { shortTime } from "../output.ts";

/** The server names itself as agents reach it; the operator has just reached it at `url`. */
function reachedAt(link: string, url: string | undefined): string {
  if (url === undefined) return link;
  const { pathname, hash } = new URL(link);
  return new URL(url).origin + pathname + hash;
}

/** `console`: the link alone goes to stdout, and until when it holds to stderr. */
export function addConsoleCommand(tree: Tree, parent: Command): void {
  leaf<{ open?: true }>(tree, parent, {
    name: "console",
    description: "Print a link that opens the console signed in, once and within a minute",
    configure: (command) => command.option("--open", "open it in the browser of this machine"),
    run: async ({ cli, options, out, withClient }) => {
      const made = await withClient("operator", (client) => client.console.link());
      const link = reachedAt(made.link, options.url);
      if (options.json) out.json({ ...made, link });
      else {
        out.line(link);
        cli.writeError(`It opens the console once, until ${shortTime(made.expiresAt)}.\n`);
      }
      if (options.open && !(await cli.openBrowser?.(link)))
        throw refused("no browser can be opened here: open the link");
    },
  });
}
