import type { Command } from "commander";
import type { GatewayView } from "../../client/client.ts";
import { leaf, type Tree } from "../leaf.ts";
import { grouped } from "../output.ts";

const header = ["ID", "STATE", "AGENTS", "ROOM", "USED", "LAST RELOAD", "VERSION", "LABELS"];

const stateOf = ({ reachable, cordoned }: GatewayView): string =>
  [reachable ? "up" : "silent", ...(cordoned ? ["cordoned"] : [])].join(", ");

const rowOf = (gateway: GatewayView): string[] => [
  gateway.id,
  stateOf(gateway),
  grouped(gateway.agents),
  gateway.room === undefined ? "-" : grouped(gateway.room),
  gateway.used === undefined ? "-" : `${Math.round(gateway.used * 100)}%`,
  gateway.lastReload ? `${(gateway.lastReload.ms / 1_000).toFixed(1)} s` : "-",
  gateway.version ?? "-",
  Object.entries(gateway.labels ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join(" "),
];

/** `gateways list|cordon|uncordon`, with an operator's credentials; either of the last two may be repeated. */
export function addGatewayCommands(tree: Tree, parent: Command): void {
  const group = parent.command("gateways").description("Where agents are");
  leaf(tree, group, {
    name: "list",
    description: "List gateways with their room",
    run: async ({ options, out, withClient }) => {
      const list = await withClient("operator", (client) => client.gateways.list());
      if (options.json) return out.json(list);
      out.table(header, list.gateways.map(rowOf));
    },
  });
  const either = (verb: "cordon" | "uncordon", description: string, done: string) =>
    leaf<object, [id: string]>(tree, group, {
      name: verb,
      description,
      configure: (command) => command.argument("<id>", "as `gateways list` shows it"),
      run: async ({ options, out, withClient }, id) => {
        const changed = await withClient("operator", (client) => client.gateways[verb](id));
        if (options.json) return out.json(changed);
        out.line(`The gateway "${id}" ${done}.`);
      },
    });
  either("cordon", "Have a gateway take no new agents; those that it has stay", "takes no new agents");
  either("uncordon", "Have a cordoned gateway take new agents again", "takes new agents");
}
