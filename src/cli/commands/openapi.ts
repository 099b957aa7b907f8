import type { Command } from "commander";
import { leaf, type Tree } from "../leaf.ts";

export function addOpenApiCommand(tree: Tree, parent: Command): void {
  leaf(tree, parent, {
    name: "openapi",
    description: "Print the API's OpenAPI 3.1 document",
    run: async ({ out, withClient }) => out.json(await withClient("agents", (client) => client.openapi())),
  });
}
