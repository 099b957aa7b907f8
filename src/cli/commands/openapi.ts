import type { Command } from "commander";
import { leaf, type Tree } from "../leaf.ts";

/** `openapi`: the document of the deployment that is asked, and so of its release and settings. */
export function addOpenApiCommand(tree: Tree, parent: Command): void {
  leaf(tree, parent, {
    name: "openapi",
    description: "Print the API's OpenAPI 3.1 document",
    run: async ({ out, withClient }) => out.json(await withClient("agents", (client) => client.openapi())),
  });
}
