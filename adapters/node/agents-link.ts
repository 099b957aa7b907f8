import { createHmac } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { tokensIn } from "../../src/domain/token.ts";
import { checkSecretToken, makeToken } from "../../src/settings/credentials.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import type { Ports } from "../../src/storage/keyspace.ts";
import type { Environment } from "./environment.ts";
import { sha256 } from "./sha256.ts";

/** How this control plane and the one gateway that has its agents know each other, by the environment. */
export interface AgentsLink {
  /** The gateway's address (`OPENCLAW_AGENTS_URL`). */
  url: string;
  /** Whether each address of the URL's name is a gateway (`OPENCLAW_AGENTS_BY_DNS`): a service of several replicas. */
  byDns: boolean;
  /** `OPENCLAW_LINK_TOKEN`; absent: it follows from the seal key. */
  token?: string;
  /** The file with the token's digest, for the gateway (`OPENCLAW_LINK_DIGEST_FILE`); absent: it was told by hand. */
  digestFile?: string;
}

/**
 * @param url of `OPENCLAW_AGENTS_URL`, absent where there is no such gateway
 * @throws SettingsError
 */
export function agentsLinkFrom(env: Environment, url: string | undefined, byDns = false): AgentsLink | undefined {
  if (url === undefined) return undefined;
  if (byDns && !/^http:\/\/[^/]+\/?$/.test(url)) {
    throw new SettingsError(
      `OPENCLAW_AGENTS_URL is "${url}"; it must be as http://openclaw-agents:18790 where OPENCLAW_AGENTS_BY_DNS is set`,
    );
  }
  const token = env.OPENCLAW_LINK_TOKEN || undefined;
  const digestFile = env.OPENCLAW_LINK_DIGEST_FILE || undefined;
  if (token !== undefined) {
    checkSecretToken("OPENCLAW_LINK_TOKEN", token);
    // The gateway sees it with every call, and an agent that runs commands there may see what the gateway sees.
    for (const name of ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_ADMIN_TOKEN"]) {
      if (tokensIn(env[name]).includes(token))
        throw new SettingsError(`OPENCLAW_LINK_TOKEN is ${name}: make it another secret, ${makeToken}`);
    }
  } else if (digestFile === undefined) {
    throw new SettingsError(
      "OPENCLAW_AGENTS_URL is set, and the gateway there has no way to know us: set OPENCLAW_LINK_DIGEST_FILE to a file " +
        "that both can see, or OPENCLAW_LINK_TOKEN here and its SHA-256 as OPENCLAW_LINK_DIGEST there",
    );
  }
  return { url, byDns, ...(token !== undefined && { token }), ...(digestFile !== undefined && { digestFile }) };
}

/** The credential for the gateway. Where none is given, every instance with one seal key has the same one, unstored. */
export const linkToken = (link: AgentsLink, sealKey: Uint8Array): string =>
  link.token ?? createHmac("sha256", sealKey).update("openclaw-provisioning: agents link").digest("base64url");

/** As an entry of `host.gateways`. */
export function agentsGateway(link: AgentsLink, sealKey: Uint8Array, maxAgents: number | undefined) {
  const common = { id: "agents", token: linkToken(link, sealKey), maxAgents };
  if (!link.byDns) return { ...common, url: link.url };
  const { hostname, port } = new URL(link.url);
  return { ...common, dns: hostname, port: Number(port || 80) };
}

/**
 * Tells the gateway whom to believe: digests, which open nothing, and which anybody may read. Called again, it puts back
 * what is gone, and adds the secret that follows from a seal key which a rotation has brought, beside the one in use.
 *
 * @throws SettingsError
 */
export function linkPublisher(link: AgentsLink, sealKeys: Ports["sealKeys"]): () => void {
  const { digestFile } = link;
  const inUse = linkToken(link, sealKeys()[0]!);
  if (digestFile === undefined) return () => undefined;
  return () => {
    const tokens = new Set([inUse, ...sealKeys().map((key) => linkToken(link, key))]);
    const text = [...tokens].map((token) => `${sha256(token)}\n`).join("");
    try {
      if (existsSync(digestFile) && readFileSync(digestFile, "utf8") === text) return;
      const temporary = `${digestFile}.${process.pid}.tmp`;
      writeFileSync(temporary, text, { mode: 0o644 });
      renameSync(temporary, digestFile);
    } catch (error) {
      throw unwritableDigest(digestFile, error);
    }
  };
}

/**
 * Looks whether the gateway can be told, and writes nothing.
 *
 * @throws SettingsError
 */
export function checkLinkDigest({ digestFile }: AgentsLink): void {
  if (digestFile === undefined) return;
  try {
    accessSync(dirname(digestFile), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unwritableDigest(digestFile, error);
  }
}

const unwritableDigest = (digestFile: string, error: unknown): SettingsError =>
  new SettingsError(
    `OPENCLAW_LINK_DIGEST_FILE is "${digestFile}", which cannot be written (${(error as NodeJS.ErrnoException).code}): let uid ${process.getuid?.()} write into its directory`,
  );
