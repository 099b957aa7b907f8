import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { createClient } from "../../src/client/client.ts";
import type { Environment } from "./environment.ts";
import { makePrivateDirectory, writePrivate } from "./files/atomic-write.ts";
import { readPrivate } from "./files/private-file.ts";
import { firstStartFile as file, firstKey, greeting, parseLines, writtenLines } from "./first-start.ts";
import { reachableHost, stateDirFrom } from "./node-settings.ts";
import { runServer } from "./run-server.ts";
import { withSecretFiles } from "./secret-variables.ts";

/**
 * `npm start`: a deployment for somebody who is trying it. The gateway token and a first provisioning key are made
 * once, kept in `<state>/dev.env`, and shown with a line to paste.
 */
export async function startForPerson(env: Environment): Promise<void> {
  const stateDir = stateDirFrom(env);
  const kept = readPrivate(stateDir, file) ? parseLines(readPrivate(stateDir, file)!.text) : {};
  const given = withSecretFiles(env).OPENCLAW_GATEWAY_TOKEN;
  const token = given || kept.OPENCLAW_GATEWAY_TOKEN || randomBytes(24).toString("base64url");
  const enabled = env.OPENCLAW_PROVISIONING_ENABLED || "true";
  const withToken = {
    ...env,
    OPENCLAW_PROVISIONING_ENABLED: enabled,
    OPENCLAW_GATEWAY_TOKEN: token,
    // Read by now, and no second word on it.
    OPENCLAW_GATEWAY_TOKEN_FILE: undefined,
  };
  await runServer(withToken, async ({ app, node, server }) => {
    const client = operatorClient(app, node.settings.provisioning.basePath);
    const key = await firstKey(client, kept.AGENT_PROVISIONING_KEY);
    await makePrivateDirectory(stateDir);
    const path = join(stateDir, file);
    await writePrivate(path, writtenLines({ OPENCLAW_GATEWAY_TOKEN: token, AGENT_PROVISIONING_KEY: key }));
    const api = `http://${reachableHost(node.host)}:${server.port}${node.settings.provisioning.basePath}`;
    const link = node.settings.provisioning.console.enabled ? (await client.console.link()).link : undefined;
    const ready = `Agent provisioning is ready at ${api} (state in ${stateDir}).`;
    process.stdout.write(consoleLine(link) + greeting({ ready, api, token, key, file: path }));
  });
}

const operatorClient = (app: { fetchAsOperator(request: Request): Promise<Response> }, basePath: string) =>
  createClient({
    url: `http://localhost${basePath}`,
    token: "unused",
    fetch: (request: Request) => app.fetchAsOperator(request),
  });

const consoleLine = (link: string | undefined): string =>
  link === undefined ? "" : `Console (once, within a minute; "npx . provisioning console" prints another): ${link}\n`;
