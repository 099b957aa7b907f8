import { afterAll, beforeAll, beforeEach } from "vitest";
import type { ProviderKind } from "../../../src/domain/provider-facts.ts";
import { type ProxyStand, proxyStand, type StandOptions } from "../../proxy-stand.ts";
import { type SampleUpstream, startSampleUpstream } from "../../upstream/sample-upstream.ts";

export const messages = [{ role: "user", content: "hello" }];

interface Endpoint {
  kind: ProviderKind;
  path: string;
  base: Record<string, unknown>;
}

/** A small request of each endpoint, which the proxy understands. */
export const endpoints: Record<string, Endpoint> = {
  anthropic: {
    kind: "anthropic",
    path: "/proxy/anthropic/v1/messages",
    base: { model: "claude-sonnet-4-5", max_tokens: 100, messages },
  },
  chat: {
    kind: "openai",
    path: "/proxy/openai/v1/chat/completions",
    base: { model: "gpt-5", max_completion_tokens: 100, messages },
  },
  responses: {
    kind: "openai",
    path: "/proxy/openai/v1/responses",
    base: { model: "gpt-5", max_output_tokens: 100, input: "hello" },
  },
  embeddings: {
    kind: "openai",
    path: "/proxy/openai/v1/embeddings",
    base: { model: "text-embedding-3-small", input: "hello" },
  },
  openrouter: {
    kind: "openrouter",
    path: "/proxy/openrouter/api/v1/chat/completions",
    base: { model: "x/y", max_tokens: 100, messages },
  },
  custom: {
    kind: "custom",
    path: "/proxy/custom/chat/completions",
    base: { model: "llama", max_tokens: 100, messages },
  },
  "custom responses": {
    kind: "custom",
    path: "/proxy/custom/responses",
    base: { model: "llama", max_output_tokens: 100, input: "hello" },
  },
  "custom embeddings": {
    kind: "custom",
    path: "/proxy/custom/embeddings",
    base: { model: "llama", input: "hello" },
  },
  litellm: {
    kind: "litellm",
    path: "/proxy/litellm/v1/chat/completions",
    base: { model: "llama", max_tokens: 100, messages },
  },
  gemini: {
    kind: "gemini",
    path: "/proxy/gemini/v1beta/models/gemini-2.5-pro:generateContent",
    base: { contents: [{ parts: [{ text: "hello" }] }], generationConfig: { maxOutputTokens: 100 } },
  },
};

export type SendOptions = Omit<StandOptions, "kind" | "upstream">;

export interface Sent {
  status: number;
  /** The error's, or none. */
  message: string;
  bytes: number;
  /** The charge: an answer without its usage costs what was reserved for it. */
  reserved: number;
  /** The body that the upstream got, in this test. */
  sent: Record<string, unknown> | undefined;
  /** Whether that body is the client's to the byte. */
  untouched: boolean;
}

/** Sends requests to an upstream that does not tell its usage, each test's last stand staying open until its end. */
export function requestSender() {
  let upstream: SampleUpstream;
  let stand: ProxyStand | undefined;
  beforeAll(async () => {
    upstream = await startSampleUpstream();
    upstream.behave({ tellsUsage: false });
  });
  afterAll(() => upstream.close());
  beforeEach(() => {
    upstream.seen.length = 0;
    return () => stand?.close();
  });

  /** Closes the stand before it. */
  async function open(kind: ProviderKind, options: SendOptions): Promise<ProxyStand> {
    await stand?.close();
    stand = await proxyStand({ kind, upstream: upstream.origin, ...options });
    return stand;
  }

  async function send(
    name: string,
    change: Record<string, unknown>,
    options: SendOptions,
    headers: Record<string, string> = {},
  ): Promise<Sent> {
    const { kind, path, base } = endpoints[name]!;
    const { origin, key, quota } = await open(kind, options);
    const body = JSON.stringify({ ...base, ...change });
    const response = await fetch(origin + path, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "x-goog-api-key": key, ...headers },
      body,
    });
    const answer = (await response.json()) as { error?: { message: string } };
    const { used } = await quota("maxTokensPerMonth");
    const sent = upstream.seen.at(-1)?.body;
    return {
      status: response.status,
      message: answer.error?.message ?? "",
      bytes: Buffer.byteLength(body),
      reserved: used,
      sent: sent === undefined ? undefined : (JSON.parse(sent) as Record<string, unknown>),
      untouched: sent === body,
    };
  }

  return {
    get upstream() {
      return upstream;
    },
    open,
    send,
  };
}
