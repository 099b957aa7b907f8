import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { createClient } from "../../src/client/client.ts";
import { makePrivateDirectory, writePrivate } from "./atomic-write.ts";
import { type Environment, stateDirFrom } from "./node-settings.ts";
import { readPrivate } from "./private-file.ts";
import { runServer } from "./run-server.ts";

const file = "dev.env";

/**
 * `npm start`: a deployment for somebody who is trying it. The gateway token and a first provisioning key are made
 * once, kept in `<state>/dev.env`, and shown with a line to paste.
 */
export async function startForPerson(env: Environment): Promise<void> {
  const stateDir = stateDirFrom(env);
  const kept = readPrivate(stateDir, file) ? parseLines(readPrivate(stateDir, file)!.text) : {};
  const token = env.OPENCLAW_GATEWAY_TOKEN || kept.OPENCLAW_GATEWAY_TOKEN || randomBytes(24).toString("base64url");
  const withToken = { OPENCLAW_PROVISIONING_ENABLED: "true", ...env, OPENCLAW_GATEWAY_TOKEN: token };
  await runServer(withToken, async ({ app, node, server }) => {
    const key = kept.AGENT_PROVISIONING_KEY ?? (await makeKey(app, node.settings.provisioning.basePath));
    await makePrivateDirectory(stateDir);
    await writePrivate(join(stateDir, file), `OPENCLAW_GATEWAY_TOKEN=${token}\nAGENT_PROVISIONING_KEY=${key}\n`);
    const origin = `http://${node.host === "0.0.0.0" ? "127.0.0.1" : node.host}:${server.port}`;
    process.stdout.write(greeting({ origin, basePath: node.settings.provisioning.basePath, token, key, stateDir }));
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

async function makeKey(
  app: { fetchAsOperator(request: Request): Promise<Response> },
  basePath: string,
): Promise<string> {
  const client = createClient({
    url: `http://localhost${basePath}`,
    token: "unused",
    fetch: (request: Request) => app.fetchAsOperator(request),
  });
  const { key } = await client.agentKeys.create({
    name: "First key",
    scopes: ["agents:create", "agents:onboard", "agents:delete", "agents:update", "agents:keys"],
    rateLimitPerMinute: 60,
  });
  return key;
}

const greeting = ({
  origin,
  basePath,
  token,
  key,
  stateDir,
}: Record<"origin" | "basePath" | "token" | "key" | "stateDir", string>) => `
Agent provisioning is ready at ${origin}${basePath} (state in ${stateDir}).

  gateway token      ${token}
  provisioning key   ${key}

Both are kept in ${join(stateDir, file)} and will be the same the next time. Create an agent:

curl -X POST ${origin}${basePath}/agents/create \\
  -H "Authorization: Bearer ${token}" \\
  -H "X-Agent-Provisioning-Key: ${key}" \\
  -H "Content-Type: application/json" \\
  -d '{"name": "my-agent", "model": "claude-sonnet-3.5"}'

Stop with Ctrl+C.
`;
