import { type Client, createClient } from "../client/client.ts";
import { withoutPassword } from "../domain/plain-address.ts";
import { tokensIn } from "../domain/token.ts";
import type { CliEnvironment, LocalSession } from "./environment.ts";
import { oneLine, refused, wrongUsage } from "./failure.ts";

/** Which of the two secrets a remote deployment is more likely to accept for the command. */
export type Authority = "operator" | "agents";

/** A way to the API: over HTTP with `--url`, else the app in this very process. */
export interface Connection {
  client: Client;
  exclusively: LocalSession["exclusively"];
  verifyAudit?: LocalSession["verifyAudit"] | undefined;
  logHint?: string | undefined;
  close(): Promise<void>;
}

function connectRemotely(cli: CliEnvironment, url: string, authority: Authority): Connection {
  // The first of two is the one that stays.
  const [token] = tokensIn(cli.env("OPENCLAW_GATEWAY_TOKEN"));
  if (!token) throw refused("OPENCLAW_GATEWAY_TOKEN is not set: --url needs that deployment's gateway token");
  const [admin] = tokensIn(cli.env("OPENCLAW_ADMIN_TOKEN"));
  const key = cli.env("AGENT_PROVISIONING_KEY") || undefined;
  try {
    const client = createClient({
      url,
      token,
      provisioningKey: authority === "operator" ? (admin ?? key) : (key ?? admin),
      fetch: cli.fetch,
      onRetry: ({ error, delayMs }) => {
        if (cli.isTerminal && delayMs >= 2000) {
          cli.writeError(`${oneLine(error.detail)}: trying again in ${Math.ceil(delayMs / 1000)} s\n`);
        }
      },
    });
    return { client, exclusively: (work) => work(), close: async () => {} };
  } catch (error) {
    if (error instanceof TypeError) throw wrongUsage(`--url ${withoutPassword(url)}: ${error.message}`);
    throw error;
  }
}

/** To the deployment at `url`, or to the one on this machine. */
export async function connect(cli: CliEnvironment, url: string | undefined, authority: Authority): Promise<Connection> {
  if (url !== undefined) return connectRemotely(cli, url, authority);
  const session = await cli.openLocal();
  return {
    // A service in the same process loses no answer, and waiting does not mend it.
    client: createClient({
      url: `http://localhost${session.basePath}`,
      fetch: (request) => session.fetch(request),
      retries: 0,
      timeoutMs: 600_000,
    }),
    exclusively: (work) => session.exclusively(work),
    verifyAudit: session.verifyAudit,
    logHint: session.logHint,
    close: () => session.close(),
  };
}
