import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportPKCS8, generateKeyPair, jwtVerify } from "jose";

export const masterKeys = {
  anthropic: "sk-ant-api03-test-not-a-real-key",
  anthropicAdmin: "sk-ant-admin01-test-not-a-real-key",
  openai: "sk-proj-test-not-a-real-key",
  openaiAdmin: "sk-admin-test-not-a-real-key",
  openrouter: "sk-or-v1-test-not-a-real-key",
  gemini: "AIzaTestNotARealKeyAtAll",
  litellm: "sk-litellm-test-not-a-real-key",
  custom: "custom-test-not-a-real-key",
};

export interface Seen {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: string;
}

export type Fault =
  /** Answers this instead of doing anything. */
  | { status: number; json?: unknown; text?: string; headers?: Record<string, string> }
  /** Never answers; with `after`, once it has done what was asked. */
  | { hang: "before" | "after" }
  /** Cuts the connection once it has done what was asked; with `before`, that is done when `arrive` is called. */
  | { drop: "before" | "after" };

type Reply = { status: number; json?: unknown; text?: string; headers?: Record<string, string> };
interface Account {
  id: string;
  name: string;
  keys: string[];
}
interface GoogleKey {
  id: string;
  displayName: string;
  restrictions: unknown;
  keyString: string;
  deleteTime?: string;
}

/**
 * The management APIs of OpenAI, OpenRouter, Google and LiteLLM, and the reads by which a key is verified, in one
 * server: `/openai/v1`, `/openrouter/api/v1`, `/google`, `/litellm`, `/anthropic`, `/gemini`, `/custom`.
 */
export async function sampleAdminApis() {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const serviceAccountKey = await exportPKCS8(privateKey);
  const seen: Seen[] = [];
  const faults: { method: string; path: RegExp; fault: Fault; times: number }[] = [];
  const late: Seen[] = [];
  const open = new Set<ServerResponse>();
  const state = {
    accounts: [] as Account[],
    openrouterKeys: [] as { hash: string; name: string; key: string; disabled: boolean; expires_at?: string }[],
    googleKeys: [] as GoogleKey[],
    litellmKeys: [] as { token: string; key_alias: string; key: string; body: Record<string, unknown> }[],
    /** Answers service accounts without a key. */
    nullApiKey: false,
    openrouterPageSize: 100,
    /** Polls until a Google operation is done. */
    operationPolls: 1,
    operationError: undefined as string | undefined,
    /** The status that answers the deletion of a key that is not there; 200 as if it had been. */
    litellmMissing: 404,
  };
  const operations = new Map<string, number>();
  let made = 0;
  const fresh = (prefix: string) => `${prefix}${String(++made).padStart(6, "0")}`;
  const json = (status: number, body: unknown): Reply => ({ status, json: body });
  const no = (status: number, message: string) => json(status, { error: { message, type: "invalid_request_error" } });

  function openai(request: Seen, path: string, query: URLSearchParams): Reply {
    if (request.headers.authorization !== `Bearer ${masterKeys.openaiAdmin}`) {
      if (path === "/models" && request.headers.authorization === `Bearer ${masterKeys.openai}`)
        return json(200, { data: [] });
      return no(
        401,
        `Incorrect API key provided: ${request.headers.authorization?.slice(7)}. Find yours in the console.`,
      );
    }
    if (path === "/organization/projects") return json(200, { object: "list", data: [], has_more: false });
    const match = /^\/organization\/projects\/([^/]+)\/service_accounts(?:\/([^/]+))?(\/api_keys)?$/.exec(path);
    if (!match) return no(404, `Invalid URL (${request.method} ${path})`);
    if (match[1] !== "proj_sample") return no(404, "No such project");
    const account = state.accounts.find(({ id }) => id === match[2]);
    const newKey = (owner: Account) => {
      const value = fresh("sk-svcacct-test-not-a-real-key-");
      owner.keys.push(value);
      return {
        object: "organization.project.service_account.api_key",
        id: fresh("key_"),
        value,
        name: "key",
        created_at: 1,
      };
    };
    if (request.method === "POST" && match[2] === undefined) {
      const created = { id: fresh("svc_acct_"), name: JSON.parse(request.body).name, keys: [] };
      state.accounts.push(created);
      const api_key = state.nullApiKey ? null : newKey(created);
      return json(200, {
        object: "organization.project.service_account",
        id: created.id,
        name: created.name,
        role: "member",
        created_at: 1,
        api_key,
      });
    }
    if (request.method === "POST" && match[3])
      return account ? json(200, newKey(account)) : no(404, "No such service account");
    if (request.method === "DELETE") {
      if (!account) return no(404, "No such service account");
      state.accounts = state.accounts.filter((other) => other !== account);
      return json(200, { object: "organization.project.service_account.deleted", id: account.id, deleted: true });
    }
    const limit = Number(query.get("limit") ?? 20);
    const from = query.has("after") ? state.accounts.findIndex(({ id }) => id === query.get("after")) + 1 : 0;
    const page = state.accounts.slice(from, from + limit);
    const data = page.map(({ id, name }) => ({
      object: "organization.project.service_account",
      id,
      name,
      role: "member",
      created_at: 1,
    }));
    return json(200, {
      object: "list",
      data,
      has_more: from + limit < state.accounts.length,
      last_id: data.at(-1)?.id,
    });
  }

  function openrouter(request: Seen, path: string, query: URLSearchParams): Reply {
    if (request.headers.authorization !== `Bearer ${masterKeys.openrouter}`) {
      return json(401, { error: { code: 401, message: "User not found." } });
    }
    if (path === "/key") return json(200, { data: { label: "sk-or-v1-...", is_management_key: true } });
    if (request.method === "POST" && path === "/keys") {
      const body = JSON.parse(request.body);
      const created = { hash: fresh("hash"), key: fresh("sk-or-v1-minted-not-a-real-key-"), disabled: false, ...body };
      state.openrouterKeys.unshift(created);
      return json(201, { key: created.key, data: { hash: created.hash, name: created.name, disabled: false } });
    }
    if (request.method === "DELETE") {
      const rest = state.openrouterKeys.filter(({ hash }) => `/keys/${hash}` !== path);
      if (rest.length === state.openrouterKeys.length)
        return json(404, { error: { code: 404, message: "API key not found" } });
      state.openrouterKeys = rest;
      return json(200, { deleted: true });
    }
    const offset = Number(query.get("offset") ?? 0);
    const listed = state.openrouterKeys.filter(({ disabled }) => !disabled || query.get("include_disabled") === "true");
    const page = listed.slice(offset, offset + state.openrouterPageSize);
    return json(200, { data: page.map(({ hash, name, disabled }) => ({ hash, name, disabled })) });
  }

  async function google(request: Seen, path: string, query: URLSearchParams): Promise<Reply> {
    const googleNo = (code: number, message: string, status: string) =>
      json(code, { error: { code, message, status } });
    if (path === "/token") {
      const form = new URLSearchParams(request.body);
      try {
        if (form.get("grant_type") !== "urn:ietf:params:oauth:grant-type:jwt-bearer") throw new Error("grant_type");
        const { payload } = await jwtVerify(form.get("assertion") ?? "", publicKey as CryptoKey, {
          algorithms: ["RS256"],
          audience: `${origin()}/google/token`,
          issuer: "minter@sample.iam.example",
        });
        if (payload.scope !== "https://www.googleapis.com/auth/cloud-platform") throw new Error("scope");
      } catch {
        return json(400, { error: "invalid_grant", error_description: "Invalid JWT Signature." });
      }
      return json(200, { access_token: "ya29.test-not-a-real-token", expires_in: 3599, token_type: "Bearer" });
    }
    if (request.headers.authorization !== "Bearer ya29.test-not-a-real-token") {
      return googleNo(401, "Request had invalid authentication credentials.", "UNAUTHENTICATED");
    }
    const operation = () => {
      const name = `operations/akmf.${fresh("op-")}`;
      operations.set(name, state.operationPolls);
      return json(200, { name });
    };
    if (path.startsWith("/v2/operations/")) {
      const name = path.slice("/v2/".length);
      const left = (operations.get(name) ?? 0) - 1;
      operations.set(name, left);
      if (left > 0) return json(200, { name, done: false });
      return json(
        200,
        state.operationError
          ? { name, done: true, error: { code: 9, message: state.operationError } }
          : { name, done: true, response: {} },
      );
    }
    const match = /^\/v2\/projects\/sample-project\/locations\/global\/keys(?:\/([^/]+))?(\/keyString)?$/.exec(path);
    if (!match) return googleNo(404, "Requested entity was not found.", "NOT_FOUND");
    if (request.method === "POST") {
      const id = query.get("keyId") ?? "";
      if (!/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(id)) return googleNo(400, "Invalid keyId", "INVALID_ARGUMENT");
      if (state.googleKeys.some((key) => key.id === id)) return googleNo(409, "Already exists", "ALREADY_EXISTS");
      if (!state.operationError)
        state.googleKeys.push({ id, ...JSON.parse(request.body), keyString: fresh("AIzaMintedNotARealKey") });
      return operation();
    }
    const key = state.googleKeys.find(({ id }) => id === match[1]);
    if (!key) return googleNo(404, "Requested entity was not found.", "NOT_FOUND");
    if (request.method === "DELETE") {
      if (key.deleteTime) return googleNo(400, "The key is already deleted.", "FAILED_PRECONDITION");
      key.deleteTime = "2026-11-22T00:00:00Z";
      return operation();
    }
    if (match[2]) return json(200, { keyString: key.keyString });
    return json(200, {
      name: `projects/1/locations/global/keys/${key.id}`,
      ...(key.deleteTime && { deleteTime: key.deleteTime }),
    });
  }

  function litellm(request: Seen, path: string, query: URLSearchParams): Reply {
    const given = request.headers.authorization?.slice(7) ?? "";
    if (given !== masterKeys.litellm) {
      return json(401, {
        error: {
          message: `Authentication Error, Invalid proxy server token passed. Received API Key = ${given}`,
          type: "auth_error",
          code: "401",
        },
      });
    }
    if (path === "/v1/models") return json(200, { object: "list", data: [] });
    if (path === "/key/generate") {
      const body = JSON.parse(request.body);
      if (state.litellmKeys.some(({ key_alias }) => key_alias === body.key_alias)) {
        return json(400, { error: { message: `Key with alias '${body.key_alias}' already exists.`, code: "400" } });
      }
      const created = {
        token: fresh("a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5"),
        key_alias: body.key_alias,
        key: fresh("sk-minted-not-a-real-key-"),
        body,
      };
      state.litellmKeys.push(created);
      return json(200, { key: created.key, token: created.token, key_alias: created.key_alias });
    }
    if (path === "/key/delete") {
      const { keys = [], key_aliases = [] } = JSON.parse(request.body);
      const rest = state.litellmKeys.filter((key) => !keys.includes(key.token) && !key_aliases.includes(key.key_alias));
      if (rest.length === state.litellmKeys.length && state.litellmMissing !== 200) {
        return json(state.litellmMissing, {
          error: { message: "{'error': 'No keys found'}", code: String(state.litellmMissing) },
        });
      }
      state.litellmKeys = rest;
      return json(200, { deleted_keys: [...keys, ...key_aliases] });
    }
    if (path === "/key/list") {
      const keys = state.litellmKeys.filter(({ key_alias }) => key_alias === query.get("key_alias"));
      return json(200, { keys: keys.map(({ token }) => token), total_count: keys.length, current_page: 1 });
    }
    if (path === "/key/info" && !state.litellmKeys.some(({ token }) => token === query.get("key"))) {
      return json(404, { error: { message: "Key not found in database", code: "404" } });
    }
    return json(200, { key: query.get("key"), info: {} });
  }

  function models(request: Seen, path: string): Reply {
    const { headers } = request;
    switch (path) {
      case "/anthropic/v1/models":
      case "/anthropic/v1/organizations/me": {
        const wanted = path.endsWith("/me") ? masterKeys.anthropicAdmin : masterKeys.anthropic;
        if (headers["x-api-key"] === wanted && headers["anthropic-version"] === "2023-06-01")
          return json(200, { data: [] });
        return json(401, {
          type: "error",
          error: { type: "authentication_error", message: "invalid x-api-key" },
          request_id: "req_1",
        });
      }
      case "/gemini/v1beta/models":
        if (headers["x-goog-api-key"] === masterKeys.gemini) return json(200, { models: [] });
        return json(400, {
          error: { code: 400, message: "API key not valid. Please pass a valid API key.", status: "INVALID_ARGUMENT" },
        });
      case "/custom/models":
        return headers.authorization === `Bearer ${masterKeys.custom}`
          ? json(200, [])
          : json(403, { message: "forbidden" });
      default:
        return { status: 404, text: "<h1>Not found</h1>" };
    }
  }

  async function route(request: Seen): Promise<Reply> {
    const { pathname, searchParams } = new URL(request.path, "http://sample");
    const apis = { "/openai/v1": openai, "/openrouter/api/v1": openrouter, "/google": google, "/litellm": litellm };
    for (const [prefix, api] of Object.entries(apis)) {
      if (pathname.startsWith(`${prefix}/`)) return await api(request, pathname.slice(prefix.length), searchParams);
    }
    return models(request, pathname);
  }

  const server = createServer(async (incoming, outgoing) => {
    open.add(outgoing);
    outgoing.on("close", () => open.delete(outgoing));
    let body = "";
    for await (const chunk of incoming) body += chunk;
    const request: Seen = { method: incoming.method ?? "", path: incoming.url ?? "", headers: incoming.headers, body };
    seen.push(request);
    const hit = faults.find(
      ({ method, path, times }) => times > 0 && method === request.method && path.test(request.path),
    );
    if (hit) hit.times--;
    const fault = hit?.fault;
    if (fault && "hang" in fault && fault.hang === "before") return;
    if (fault && "drop" in fault && fault.drop === "before") {
      late.push(request);
      outgoing.destroy();
      return;
    }
    const reply = fault && "status" in fault ? fault : await route(request);
    if (fault && "hang" in fault) return;
    if (fault && "drop" in fault) {
      outgoing.destroy();
      return;
    }
    const text = reply.text ?? JSON.stringify(reply.json ?? {});
    outgoing.writeHead(reply.status, {
      "content-type": reply.text ? "text/html" : "application/json",
      ...reply.headers,
    });
    outgoing.end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    origin: origin(),
    state,
    seen,
    serviceAccount: JSON.stringify({
      type: "service_account",
      project_id: "sample-project",
      private_key_id: "sample-key",
      private_key: serviceAccountKey,
      client_email: "minter@sample.iam.example",
      token_uri: `${origin()}/google/token`,
    }),
    /** The next `times` requests that match meet this. */
    fail(method: string, path: RegExp, fault: Fault, times = 1) {
      faults.push({ method, path, fault, times });
    },
    /** Lets a request that was cut off on its way take effect. */
    async arrive() {
      for (const request of late.splice(0)) await route(request);
    },
    /** May be called again. */
    async close() {
      for (const response of open) response.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export type SampleAdminApis = Awaited<ReturnType<typeof sampleAdminApis>>;
