import { routes } from "../../src/routes.ts";
import type { ProvisioningSettings } from "../../src/settings/provisioning-settings.ts";
import type { PluginRole } from "./plugin-role.ts";

/** A prefix of addresses that OpenClaw hands to the plugin. */
export interface PluginRoute {
  path: string;
  match: "prefix" | "exact";
}

/** The first segments of the route table's paths: what has nothing below it is that path alone. */
function tableRoutes(basePath: string): PluginRoute[] {
  const below = Map.groupBy(routes, ({ path }) => path.split("/")[1]!);
  return [...below].map(([segment, paths]) => ({
    path: `${basePath}/${segment}`,
    match: paths.some(({ path }) => path !== `/${segment}`) ? "prefix" : "exact",
  }));
}

/** The addresses of the gateway that are the plugin's; the gateway answers all others itself, its probes included. */
export function pluginRoutes(
  role: PluginRole,
  { basePath, console: page }: Pick<ProvisioningSettings, "basePath" | "console">,
): PluginRoute[] {
  if (role === "agents") {
    // The list tells a control plane one replica from another, and how much is there.
    return [
      { path: `${basePath}/agents`, match: "prefix" },
      { path: `${basePath}/gateways`, match: "exact" },
    ];
  }
  return [
    ...tableRoutes(basePath),
    { path: "/proxy", match: "prefix" },
    ...(page.enabled ? [{ path: page.path, match: "prefix" } as const] : []),
    { path: `${basePath}/openapi.json`, match: "exact" },
    { path: "/metrics", match: "exact" },
  ];
}
