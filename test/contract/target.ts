/** A deployment under test, as its callers see it. The contract suite knows nothing else of it. */
export interface Target {
  /** Origin and base path: `http://127.0.0.1:18789/api/v1`. */
  api: string;
  origin: string;
  token: string;
  /** Accepted in `X-Agent-Provisioning-Key`, with `provisioning:admin`. */
  adminToken: string;
  /** Whether the host keeps credentials (a registry does not). */
  storesCredentials: boolean;
  /** Whether the host has workspaces of its own to check paths against. */
  hasWorkspaces: boolean;
  /** Put into creates that are to meet each other, where the host has several gateways: what is taken on one is free on another. */
  sameGateway?: { gateway: string };
  /** Whether paths outside of the API's resources are another server's (a gateway's own), which has no secrets of ours. */
  sharesOrigin?: boolean;
  /** Whether a delete can take longer than a change waits for it, as OpenClaw's does on a busy machine. */
  deletesSlowly?: boolean;
  /** Each tallies the reads that it answers. Default: one. */
  processes?: number;
  /** Makes an agent past this service, with a credential of its own, where its host can have such. */
  makeByHand?(agentId: string): Promise<void>;
  /** A workspace that is allowed, for a name. */
  workspace(name: string): string;
  fetch(url: string, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

export interface Asked {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what a stranger's client gets is JSON of any shape
  body: any;
}

/** The targets' setup; every target takes the same `config.json`. */
export const contractConfig = {
  gateway: { provisioning: { enabled: true, allowDelete: true, rateLimitPerMinute: 10 } },
  logging: { level: "error" },
};

export async function ask(
  target: Target,
  method: string,
  path: string,
  {
    key,
    body,
    headers,
    token,
  }: { key?: string; body?: unknown; headers?: Record<string, string>; token?: string | null } = {},
): Promise<Asked> {
  const bearer = token === undefined ? target.token : token;
  const response = await target.fetch(path.startsWith("http") ? path : target.api + path, {
    method,
    headers: {
      ...(bearer !== null && { authorization: `Bearer ${bearer}` }),
      ...(key !== undefined && { "x-agent-provisioning-key": key }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && {
      body: typeof body === "string" || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
    }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? undefined : jsonOr(text) };
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export const allScopes = ["agents:create", "agents:onboard", "agents:delete", "agents:update", "agents:keys"];

/** A provisioning key with all agent scopes and a wide rate limit, unless asked otherwise. */
export async function makeKey(
  target: Target,
  options: Record<string, unknown> = {},
): Promise<{ id: string; key: string }> {
  const made = await ask(target, "POST", "/provisioning/agent-keys", {
    key: target.adminToken,
    body: { name: "contract", scopes: allScopes, rateLimitPerMinute: 10_000, ...options },
  });
  if (made.status !== 201) throw new Error(`no key: ${made.status} ${JSON.stringify(made.body)}`);
  return made.body;
}

/** A stored AI provider and a key that is linked to it; the second options are the provider's. */
export async function makeLinkedKey(
  target: Target,
  options: Record<string, unknown> = {},
  providerOptions: Record<string, unknown> = {},
) {
  const provider = await ask(target, "POST", "/provisioning/ai-providers", {
    key: target.adminToken,
    body: {
      provider: "anthropic",
      name: `Contract ${crypto.randomUUID()}`,
      key: "sk-ant-not-a-real-key-0000",
      verify: false,
      ...providerOptions,
    },
  });
  if (provider.status !== 201) throw new Error(`no provider: ${provider.status} ${JSON.stringify(provider.body)}`);
  return { provider: provider.body, ...(await makeKey(target, { ...options, aiProviderKeyId: provider.body.id })) };
}
