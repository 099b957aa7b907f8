import type { IncomingMessage, ServerResponse } from "node:http";
import type { App } from "../../src/app.ts";
import type { AgentSummary } from "../../src/schema/agent.ts";
import type { ProvisioningSettings } from "../../src/settings/provisioning-settings.ts";
import type { PluginApi } from "./plugin-api.ts";
import { summaryHeaders, summaryPage } from "./summary-page.ts";

/** Not the tab's own address in the Control UI: a route there would stand in its way. */
const path = "/plugins/openclaw-provisioning/summary";
const mostAgents = 100;

/**
 * A tab of the Control UI, which needs no sign-in: the gateway lets those in who may read, and them alone. Not there
 * on a host that has no such tabs.
 *
 * @param open the running app; rejects while it cannot work
 */
export function addSummaryTab(
  api: PluginApi,
  console: ProvisioningSettings["console"],
  open: () => Promise<{ app: App }>,
): void {
  const describe = api.session?.controls?.registerControlUiDescriptor ?? api.registerControlUiDescriptor;
  if (!describe || !console.enabled) return;
  describe({
    id: "provisioning",
    surface: "tab",
    slug: "provisioning",
    label: "Provisioning",
    description: "Agents, their quotas and what they spend",
    icon: "key",
    path,
  });
  api.registerHttpRoute({
    path,
    match: "exact",
    auth: "gateway",
    async handler(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
      const isRead = request.method === "GET" || request.method === "HEAD";
      const { status, body } = isRead ? await summary(open, console.path) : { status: 405, body: "" };
      response.writeHead(status, summaryHeaders);
      response.end(request.method === "HEAD" ? "" : body);
      return true;
    },
  });
}

async function summary(
  open: () => Promise<{ app: App }>,
  consolePath: string,
): Promise<{ status: number; body: string }> {
  try {
    const { app } = await open();
    const { basePath, publicUrl } = app.context.settings.provisioning;
    const query = new URLSearchParams({ limit: String(mostAgents), include: "quotas,usage" });
    const answer = await app.fetchAsOperator(new Request(`http://localhost${basePath}/agents?${query}`));
    if (!answer.ok) throw new Error(`the list of agents is a ${answer.status}`);
    const { agents, nextCursor } = (await answer.json()) as { agents: AgentSummary[]; nextCursor?: string };
    const consoleUrl = `${publicUrl}${consolePath}/`;
    return { status: 200, body: summaryPage({ agents, complete: nextCursor === undefined, consoleUrl }) };
  } catch {
    return { status: 503, body: "Provisioning cannot work; the gateway's log says why." };
  }
}
