import type { Dispatcher, EnvHttpProxyAgent, Pool, RequestInit as UndiciInit } from "undici";
import { withoutPassword } from "../../src/domain/plain-address.ts";
import { SettingsError } from "../../src/settings/settings-error.ts";
import type { Ports } from "../../src/storage/keyspace.ts";
import type { Environment } from "./environment.ts";

/** The forward proxies that stand between this process and the providers. */
export interface OutgoingProxies {
  httpProxy: string | undefined;
  httpsProxy: string | undefined;
  noProxy: string;
}

/** Bytes of an answer's head: some providers' gateways send more than Node takes by itself. */
export const maxHeaderSize = 65_536;

/** As curl reads them: the lower case goes first, an empty one is none, and a proxy without a scheme speaks HTTP. */
function proxyIn(env: Environment, name: string): string | undefined {
  const spelled = [name.toLowerCase(), name].find((one) => env[one]?.trim());
  if (spelled === undefined) return undefined;
  const text = env[spelled]!.trim();
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url && /^https?:$/.test(url.protocol) && url.hostname !== "") return url.href;
  throw new SettingsError(
    `${spelled} is "${withoutPassword(text)}"; it must be a proxy's URL, as in http://proxy.example.org:3128`,
  );
}

/**
 * `undefined` where the environment names no proxy.
 *
 * @throws SettingsError naming the variable whose value is no address of a proxy
 */
export function outgoingProxies(env: Environment = process.env): OutgoingProxies | undefined {
  const [httpProxy, httpsProxy] = [proxyIn(env, "HTTP_PROXY"), proxyIn(env, "HTTPS_PROXY")];
  if (httpProxy === undefined && httpsProxy === undefined) return undefined;
  return { httpProxy, httpsProxy, noProxy: env.no_proxy?.trim() || env.NO_PROXY || "" };
}

/** Failures of a connection to a proxy itself, which look like those of one to a provider. */
const ofProxy = new WeakSet<object>();

type Options = Pool.Options & { connect?: unknown };
type Connect = Extract<Pool.Options["connect"], (...args: never) => unknown>;

const marked =
  (connect: Connect): Connect =>
  (target, done) =>
    connect(target, (...args) => {
      if (args[0] !== null) ofProxy.add(args[0]);
      done(...args);
    });

/** Times in milliseconds. */
export interface OutgoingTimeouts {
  connectTimeoutMs: number;
  /** Towards the origin. Default: undici's five minutes. */
  silenceTimeoutMs?: number;
}

/** Most environments name no proxy, and need not wait for it at the start. */
const undici = () => import("./undici.ts");

/** Sends to every origin: through the proxies, or past them to those that `NO_PROXY` names. */
export async function createProxyAgent(
  { httpProxy = "", httpsProxy = httpProxy, noProxy }: OutgoingProxies,
  { connectTimeoutMs, silenceTimeoutMs }: OutgoingTimeouts,
): Promise<EnvHttpProxyAgent> {
  const { EnvHttpProxyAgent, Pool } = await undici();
  const silence = silenceTimeoutMs !== undefined && { headersTimeout: silenceTimeoutMs, bodyTimeout: silenceTimeoutMs };
  const proxies = new Set([httpProxy, httpsProxy].filter((one) => one !== "").map((one) => new URL(one).href));
  const overProxy = (origin: string | URL, options: Options, timeouts: object) =>
    new Pool(origin, { ...options, ...timeouts, connect: marked(options.connect as Connect) });
  return new EnvHttpProxyAgent({
    httpProxy,
    httpsProxy,
    noProxy,
    connections: null,
    allowH2: false,
    maxHeaderSize,
    connectTimeout: connectTimeoutMs,
    ...silence,
    factory: (origin, options) =>
      proxies.has(String(origin)) ? overProxy(origin, options, { ...silence }) : new Pool(origin, options),
    // A proxy that takes the connection and says nothing is no better than one that is away.
    clientFactory: (proxy, options) => overProxy(proxy, options, { headersTimeout: connectTimeoutMs }),
  });
}

/** Certificates that a CA signed of which Node does not know. */
const ofUnknownCa: ReadonlySet<unknown> = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
]);

const refusedByProxy = /^Proxy (?:response|Authentication Required) \((\d+)\)/;

/** The failure with all that caused it, from the outermost on. */
function causes(error: unknown): { code?: unknown; message?: unknown }[] {
  if (typeof error !== "object" || error === null) return [];
  const { cause, errors } = error as { cause?: unknown; errors?: unknown };
  return [error, ...causes(cause ?? (Array.isArray(errors) ? errors[0] : undefined))];
}

/** Whether it was the proxy that failed or refused: the provider has not seen the request. */
export const isProxyFailure = (error: unknown): boolean =>
  causes(error).some(
    (one) => ofProxy.has(one) || /^UND_ERR_PRX_/.test(String(one.code)) || refusedByProxy.test(String(one.message)),
  );

/** The variable by which an operator mends that nothing gets through; `undefined` for any other failure. */
export function outgoingRemedy(
  error: unknown,
  origin: string,
  proxies: OutgoingProxies | undefined,
): string | undefined {
  if (causes(error).some(({ code }) => ofUnknownCa.has(code))) {
    return "name the file (PEM) with the CA that signed the certificate in NODE_EXTRA_CA_CERTS, and restart";
  }
  if (proxies === undefined || !isProxyFailure(error)) return undefined;
  const isOwn = origin.startsWith("https:") && proxies.httpsProxy !== undefined;
  const [name, proxy] = isOwn ? ["HTTPS_PROXY", proxies.httpsProxy] : ["HTTP_PROXY", proxies.httpProxy];
  const status = causes(error).reduce<string | undefined>(
    (found, { message }) => found ?? refusedByProxy.exec(String(message))?.[1],
    undefined,
  );
  const named = `${name} names ${withoutPassword(proxy ?? "")}`;
  if (status === "407") return `${named}, which asks for a user and a password: put them before its host, and restart`;
  const past = `or name ${new URL(origin).hostname} in NO_PROXY`;
  if (status !== undefined)
    return `${named}, which refuses the connection (HTTP ${status}): have it let through, ${past}`;
  return `${named}, which cannot be reached: correct it, ${past}, and restart`;
}

/**
 * `fetch` by way of the proxies of the environment; where there are none, the runtime's own.
 *
 * @param failed told of what an operator can mend; the error that is thrown has it as `remedy`
 * @throws SettingsError as `outgoingProxies`
 */
export function createOutgoingFetch(
  proxies: OutgoingProxies | undefined,
  failed: (failure: { origin: string; remedy: string }) => void,
): Ports["fetch"] {
  let agent: Promise<EnvHttpProxyAgent> | undefined;
  return async (input, init) => {
    try {
      if (proxies === undefined) return await globalThis.fetch(input, init);
      agent ??= createProxyAgent(proxies, { connectTimeoutMs: 10_000 });
      return await fetchThrough(await agent, new Request(input, init));
    } catch (cause) {
      const { origin } = new URL(input instanceof Request ? input.url : input);
      const remedy = outgoingRemedy(cause, origin, proxies);
      if (remedy === undefined) throw cause;
      failed({ origin, remedy });
      throw Object.assign(cause as Error, { remedy });
    }
  };
}

/** The runtime's own `fetch` takes no dispatcher of another undici, and undici's no `Request` of the runtime's. */
async function fetchThrough(dispatcher: Dispatcher, request: Request): Promise<Response> {
  const { url, method, headers, signal, redirect } = request;
  const body = request.body && (await request.arrayBuffer());
  const init = { method, headers: [...headers], body, signal, redirect, dispatcher } as UndiciInit;
  const { fetch } = await undici();
  return (await fetch(url, init)) as unknown as Response;
}
