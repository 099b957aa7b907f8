import type { Client } from "../../src/client/client.ts";
import { parseToken } from "../../src/domain/token.ts";

/** A first provisioning key: the kept one, unless it was revoked since or belongs to a store that is no more. */
export async function firstKey(client: Client, kept: string | undefined): Promise<string> {
  const id = kept === undefined ? undefined : parseToken(kept, "ocp")?.keyId;
  const { keys } = await client.agentKeys.list();
  if (kept !== undefined && keys.some((one) => one.id === id && one.status === "active")) return kept;
  const { key } = await client.agentKeys.create({
    name: "First key",
    scopes: ["agents:create", "agents:onboard", "agents:delete", "agents:update", "agents:keys"],
    rateLimitPerMinute: 60,
  });
  return key;
}

/** Kept by `npm start` in the state directory. */
export const firstStartFile = "dev.env";

/** `NAME=value` lines. */
export const parseLines = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name!, value!.trim()]));

/** `NAME=value` lines, as `parseLines` reads them; without those that have no value. */
export const writtenLines = (values: Record<string, string | undefined>): string =>
  Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");

/** A shell's quotes: a token of the operator's own may hold anything. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Shown to somebody who tries it: what runs, where, and a call to paste. */
export const greeting = ({
  ready,
  api,
  token,
  key,
  file,
}: {
  /** The line that says what is ready, and where. */
  ready: string;
  /** The API's address, base path included. */
  api: string;
  token: string;
  key: string;
  /** The file in which both are kept. */
  file: string;
}): string => `
${ready}

  gateway token      ${token}
  provisioning key   ${key}

Both are kept in ${file} and will be the same the next time. Create an agent:

curl -X POST ${api}/agents/create \\
  -H ${quoted(`Authorization: Bearer ${token}`)} \\
  -H ${quoted(`X-Agent-Provisioning-Key: ${key}`)} \\
  -H 'Content-Type: application/json' \\
  -d '{"name": "my-agent", "model": "claude-sonnet-3.5"}'

Stop with Ctrl+C.
`;
