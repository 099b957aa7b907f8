import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type ParseError, parse } from "jsonc-parser";
import { createClient } from "../../src/client/client.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import { readWorkerSettings } from "../cloudflare/worker-settings.ts";
import type { Environment } from "../node/environment.ts";
import { firstKey, greeting } from "../node/first-start.ts";
import { stateDirFrom } from "../node/node-settings.ts";
import { type DevSecrets, keepDevSecrets, readDevSecrets } from "./dev-secrets.ts";
import { type RunningWorker, startWorker } from "./start-worker.ts";

const maintenanceMs = 60_000;

export interface DevServer extends RunningWorker {
  secrets: DevSecrets & { AGENT_PROVISIONING_KEY: string };
  /** The greeting for the person who started it. */
  greeting: string;
}

/** The Worker on this machine, with everything that it keeps in `<state>/dev`. */
export async function startDevServer(
  env: Environment,
  { port: wanted = 18789, log }: { port?: number; log?: (line: string) => void } = {},
): Promise<DevServer> {
  const stateDir = stateDirFrom(env);
  const config = readConfig(stateDir);
  const secrets = readDevSecrets(stateDir, env);
  const { AGENT_PROVISIONING_KEY: keptKey, ...tokens } = secrets;
  const port = await freePort(wanted);
  const variables = {
    ...tokens,
    OPENCLAW_CONFIG: JSON.stringify(config.value),
    OPENCLAW_PROVISIONING_ENABLED: env.OPENCLAW_PROVISIONING_ENABLED || "true",
    OPENCLAW_PUBLIC_URL: env.OPENCLAW_PUBLIC_URL || config.publicUrl || `http://127.0.0.1:${port}`,
  };
  // One that is refused would be kept, and refused the next time too.
  readWorkerSettings(variables);
  // Before anything is sealed under a key that nobody has written down.
  const file = await keepDevSecrets(stateDir, secrets);
  const worker = await startWorker({ port, directory: join(stateDir, "dev"), log, variables });
  try {
    const api = `${worker.origin}${config.basePath}`;
    const client = createClient({
      url: api,
      token: secrets.OPENCLAW_GATEWAY_TOKEN,
      provisioningKey: secrets.OPENCLAW_ADMIN_TOKEN,
    });
    const key = await firstKey(client, keptKey);
    await keepDevSecrets(stateDir, { ...secrets, AGENT_PROVISIONING_KEY: key });
    await worker.maintain();
    const timer = setInterval(() => {
      worker.maintain().catch((error: Error) => log?.(JSON.stringify({ level: "error", message: error.message })));
    }, maintenanceMs);
    timer.unref();
    return {
      ...worker,
      secrets: { ...secrets, AGENT_PROVISIONING_KEY: key },
      greeting: greeting({
        ready: `The Worker is ready at ${api} (state in ${join(stateDir, "dev")}).`,
        api,
        token: secrets.OPENCLAW_GATEWAY_TOKEN,
        key,
        file,
      }),
      async close() {
        clearInterval(timer);
        await worker.close();
      },
    };
  } catch (error) {
    await worker.close();
    throw error;
  }
}

/**
 * The port, or any free one for 0: its number is in the addresses that agents get before workerd listens, and what
 * workerd says of one that is taken is a stack.
 */
async function freePort(port: number): Promise<number> {
  const server = createServer();
  const listening = new Promise<number>((resolve, reject) => {
    server.once("error", ({ code }: NodeJS.ErrnoException) =>
      reject(new SettingsError(`cannot listen on port ${port} (${code}): choose another with --port`)),
    );
    server.listen(port, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
  const found = await listening;
  await new Promise((resolve) => server.close(resolve));
  return found;
}

/** Only what is the Worker's: the rest of the file may be large, and may hold other secrets. */
function readConfig(stateDir: string) {
  const errors: ParseError[] = [];
  const parsed: unknown = parse(readIfThere(join(stateDir, "config.json")), errors, { allowTrailingComma: true }) ?? {};
  if (errors.length > 0) throw new SettingsError("config.json is not valid JSON; correct it");
  const { gateway, logging } = parsed as { gateway?: { provisioning?: Record<string, unknown> }; logging?: unknown };
  const provisioning = gateway?.provisioning ?? {};
  const host = (provisioning.host ?? {}) as Record<string, unknown>;
  // The same file serves `npm start`, whose hosts a Worker does not have.
  const kind = host.kind === "remote" ? "remote" : "registry";
  return {
    value: { gateway: { provisioning: { ...provisioning, host: { ...host, kind } } }, ...(logging ? { logging } : {}) },
    basePath: typeof provisioning.basePath === "string" ? provisioning.basePath : "/api/v1",
    publicUrl: typeof provisioning.publicUrl === "string" ? provisioning.publicUrl : undefined,
  };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "{}";
    throw error;
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: "string", short: "p" } } });
  const port = Number(values.port ?? process.env.OPENCLAW_GATEWAY_PORT ?? 18789);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new SettingsError("--port must be from 0 to 65535");
  const server = await startDevServer(process.env, { port, log: (line) => process.stdout.write(`${line}\n`) });
  process.stdout.write(server.greeting);
  const stop = () => void server.close().then(() => process.exit(0));
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}

if (import.meta.main) {
  process.umask(0o077);
  main().catch((error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
}
