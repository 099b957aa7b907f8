/**
 * `npm run demo`: the whole promise in half a minute. An agent gets its own AI key, streams a completion through the
 * metering proxy, and runs into its quota. Against a sample upstream, unless ANTHROPIC_MASTER_KEY or
 * OPENAI_MASTER_KEY is set: then it is the real provider that answers, and that bills a few hundred tokens.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startServer } from "../adapters/node/run-server.ts";
import { createClient } from "../src/client/client.ts";
import { startSampleUpstream } from "../test/upstream/sample-upstream.ts";

process.umask(0o077);
const say = (text: string) => process.stdout.write(`${text}\n`);
const step = (text: string) => say(`\n--- ${text}`);

interface Provider {
  name: "anthropic" | "openai";
  model: string;
  masterKey: string;
  baseUrl?: string;
}

const question = "In one sentence: why should an agent have a key of its own?";
const maxTokens = 120;
const quota = 700;

const { ANTHROPIC_MASTER_KEY, OPENAI_MASTER_KEY } = process.env;
const real = ANTHROPIC_MASTER_KEY ?? OPENAI_MASTER_KEY;
const sample = real ? undefined : await startSampleUpstream();
sample?.behave({ usage: { input: 60, output: 190 }, intervalMs: 80, pieces: 8 });

const provider: Provider = ANTHROPIC_MASTER_KEY
  ? { name: "anthropic", model: process.env.DEMO_MODEL ?? "claude-sonnet-4-5", masterKey: ANTHROPIC_MASTER_KEY }
  : OPENAI_MASTER_KEY
    ? { name: "openai", model: process.env.DEMO_MODEL ?? "gpt-5-mini", masterKey: OPENAI_MASTER_KEY }
    : {
        name: "anthropic",
        model: "claude-sonnet-3.5",
        masterKey: "sk-ant-sample-not-a-real-key",
        baseUrl: sample!.origin,
      };

const stateDir = await mkdtemp(join(tmpdir(), "openclaw-demo-"));
await writeFile(join(stateDir, "config.json"), '{ "logging": { "level": "error" } }\n', { mode: 0o600 });
const [token, adminToken] = [crypto.randomUUID(), crypto.randomUUID()];
const server = await startServer({
  OPENCLAW_STATE_DIR: stateDir,
  OPENCLAW_PROVISIONING_ENABLED: "true",
  OPENCLAW_GATEWAY_TOKEN: token,
  OPENCLAW_ADMIN_TOKEN: adminToken,
  OPENCLAW_GATEWAY_PORT: "0",
});

try {
  const url = `http://127.0.0.1:${server.server.port}`;
  const admin = createClient({ url, token, provisioningKey: adminToken });
  step(
    real
      ? `The real ${provider.name} answers.`
      : `A sample upstream on ${sample!.origin} plays ${provider.name}; no token costs anything.`,
  );

  step("The operator stores the master key, and makes a provisioning key that is linked to it");
  const stored = await admin.aiProviders.add({
    provider: provider.name,
    name: "Demo",
    key: provider.masterKey,
    ...(provider.baseUrl !== undefined && { baseUrl: provider.baseUrl }),
  });
  say(`${stored.provider} ${stored.hint} (${stored.verification})`);
  const issued = await admin.agentKeys.create({ name: "Demo", scopes: ["agents:create"], aiProviderKeyId: stored.id });
  say(`${issued.key.slice(0, 21)}... with ${issued.scopes.join(", ")}`);

  step(`One call makes the agent, with a key of its own held to ${quota} tokens a month`);
  const client = createClient({ url, token, provisioningKey: issued.key });
  const agent = await client.agents.create({
    name: "demo-agent",
    model: provider.model,
    autoProvisionAiKey: { provider: provider.name, quotas: { maxTokensPerMonth: quota } },
    revealAiKey: true,
  });
  const { key, ...shown } = agent.aiKey!;
  say(JSON.stringify({ ...agent, aiKey: { ...shown, key: `${key!.slice(0, 21)}...` } }, null, 2));

  for (let turn = 1; turn <= 12; turn++) {
    step(`Turn ${turn}: the agent asks, with its own key, at ${shown.baseUrl}`);
    const answer = await complete(shown.baseUrl!, key!);
    if (answer !== "refused") continue;
    break;
  }

  step("What the operator sees");
  const usage = await client.agents.usage("demo-agent");
  const month = usage.quotas.maxTokensPerMonth!;
  say(
    `${usage.total.requests} requests, ${usage.total.tokens} tokens; of ${month.limit}: ${month.used} used, ${month.left} left, new on ${month.resetAt.slice(0, 10)}`,
  );
  const verdict = await admin.audit.verify();
  say(
    verdict.ok
      ? `The audit trail is whole: ${verdict.events} events.`
      : `The audit trail is broken: ${verdict.fault?.reason}`,
  );
} finally {
  await server.stop();
  await sample?.close();
  await rm(stateDir, { recursive: true, force: true });
}

/** One streamed completion, as that provider's own SDK would send it. */
async function complete(baseUrl: string, key: string): Promise<"answered" | "refused"> {
  const messages = [{ role: "user", content: question }];
  const response =
    provider.name === "anthropic"
      ? await fetch(`${baseUrl}/v1/messages`, {
          method: "POST",
          headers: { "x-api-key": key, "anthropic-version": "2023-06-01", "content-type": "application/json" },
          body: JSON.stringify({ model: provider.model, max_tokens: maxTokens, stream: true, messages }),
        })
      : await fetch(`${baseUrl}/chat/completions`, {
          method: "POST",
          headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
          body: JSON.stringify({ model: provider.model, max_completion_tokens: maxTokens, stream: true, messages }),
        });
  if (!response.ok) {
    const { error } = (await response.json()) as { error: { message: string } };
    say(`${response.status}: ${error.message}`);
    const retryAfter = response.headers.get("retry-after");
    if (retryAfter !== null) say(`(retry-after: ${retryAfter} s)`);
    return "refused";
  }
  const decoder = new TextDecoderStream();
  let rest = "";
  for await (const chunk of response.body!.pipeThrough(decoder)) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) process.stdout.write(deltaOf(line));
  }
  say("");
  return "answered";
}

/** The text that one line of the stream adds. */
function deltaOf(line: string): string {
  if (!line.startsWith("data: {")) return "";
  const event = JSON.parse(line.slice(6)) as {
    delta?: { text?: string };
    choices?: { delta?: { content?: string } }[];
  };
  return event.delta?.text ?? event.choices?.[0]?.delta?.content ?? "";
}
