import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Client, createClient } from "../../src/client/client.ts";
import { parseToken } from "../../src/domain/token.ts";
import type { Environment } from "./environment.ts";
import { makePrivateDirectory, writePrivate } from "./files/atomic-write.ts";
import { readPrivate } from "./files/private-file.ts";
import { reachableHost, stateDirFrom } from "./node-settings.ts";
import { runServer } from "./run-server.ts";
import { withSecretFiles } from "./secret-variables.ts";

const file = "dev.env";

/**
 * `npm start`: a deployment for somebody who is trying it. The gateway token and a first provisioning key are made
 * once, kept in `<state>/dev.env`, and shown with a line to paste.
 */
export async function startForPerson(environment: Environment): Promise<void> {
  const env = withSecretFiles(environment);
  const stateDir = stateDirFrom(env);
  const kept = readPrivate(stateDir, file) ? parseLines(readPrivate(stateDir, file)!.text) : {};
  const token = env.OPENCLAW_GATEWAY_TOKEN || kept.OPENCLAW_GATEWAY_TOKEN || randomBytes(24).toString("base64url");
  const enabled = env.OPENCLAW_PROVISIONING_ENABLED || "true";
  const withToken = { ...env, OPENCLAW_PROVISIONING_ENABLED: enabled, OPENCLAW_GATEWAY_TOKEN: token };
  await runServer(withToken, async ({ app, node, server }) => {
    const client = operatorClient(app, node.settings.provisioning.basePath);
    const key = (await stillActive(client, kept.AGENT_PROVISIONING_KEY)) ?? (await makeKey(client));
    await makePrivateDirectory(stateDir);
    await writePrivate(join(stateDir, file), `OPENCLAW_GATEWAY_TOKEN=${token}\nAGENT_PROVISIONING_KEY=${key}\n`);
    const origin = `http://${reachableHost(node.host)}:${server.port}`;
    const link = node.settings.provisioning.console.enabled ? (await client.console.link()).link : undefined;
    process.stdout.write(
      greeting({ link, origin, basePath: node.settings.provisioning.basePath, token, key, stateDir }),
    );
  });
}

const parseLines = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split("\n")
      .map((line) => /^([A-Z_]+)=(.*)$/.exec(line.trim()))
      .filter((match) => match !== null)
      .map(([, name, value]) => [name!, value!]),
  );

const operatorClient = (app: { fetchAsOperator(request: Request): Promise<Response> }, basePath: string) =>
  createClient({
    url: `http://localhost${basePath}`,
    token: "unused",
    fetch: (request: Request) => app.fetchAsOperator(request),
  });

/** The kept key, unless it was revoked since, or belongs to a store that is no more. */
async function stillActive(client: Client, key: string | undefined): Promise<string | undefined> {
  const id = key === undefined ? undefined : parseToken(key, "ocp")?.keyId;
  if (id === undefined) return undefined;
  const { keys } = await client.agentKeys.list();
  return keys.some((one) => one.id === id && one.status === "active") ? key : undefined;
}

async function makeKey(client: Client): Promise<string> {
  const { key } = await client.agentKeys.create({
    name: "First key",
    scopes: ["agents:create", "agents:onboard", "agents:delete", "agents:update", "agents:keys"],
    rateLimitPerMinute: 60,
  });
  return key;
}

/** For a shell: a token of the operator's own may hold anything. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

const consoleLine = (link: string | undefined): string =>
  link === undefined ? "" : `Console (once, within a minute; "npx . provisioning console" prints another): ${link}\n`;

const greeting = ({
  link,
  origin,
  basePath,
  token,
  key,
  stateDir,
}: Record<"origin" | "basePath" | "token" | "key" | "stateDir", string> & {
  link: string | undefined;
}) => `${consoleLine(link)}
Agent provisioning is ready at ${origin}${basePath} (state in ${stateDir}).

  gateway token      ${token}
  provisioning key   ${key}

Both are kept in ${join(stateDir, file)} and will be the same the next time. Create an agent:

curl -X POST ${origin}${basePath}/agents/create \\
  -H ${quoted(`Authorization: Bearer ${token}`)} \\
  -H ${quoted(`X-Agent-Provisioning-Key: ${key}`)} \\
  -H 'Content-Type: application/json' \\
  -d '{"name": "my-agent", "model": "claude-sonnet-3.5"}'

Stop with Ctrl+C.
`;
