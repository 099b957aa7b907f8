/**
 * Requests as a reader would send them, by operation. The tests send each one, in this order, to a fresh deployment:
 * an example that is refused fails them.
 */
export const requestExamples: Readonly<Record<string, Readonly<Record<string, { summary: string; value: object }>>>> = {
  addAiProvider: {
    anthropic: {
      summary: "A built-in provider",
      value: { provider: "anthropic", name: "Master Anthropic Key", key: "sk-ant-not-a-real-key", verify: false },
    },
    custom: {
      summary: "Anything that speaks OpenAI's API",
      value: {
        provider: "custom",
        slug: "my-llm",
        name: "My own model server",
        key: "not-a-real-key",
        baseUrl: "http://127.0.0.1:8000/v1",
        verify: false,
        defaultQuotas: { maxRequestsPerDay: 10_000 },
      },
    },
  },
  createAgentKey: {
    automation: {
      summary: "A key that makes and configures agents",
      value: { name: "Docker automation", scopes: ["agents:create", "agents:onboard"] },
    },
    limited: {
      summary: "A key with limits of its own",
      value: {
        name: "A tenant's key",
        scopes: ["agents:create"],
        maxAgents: 5,
        rateLimitPerMinute: 60,
        expiresAt: "2099-01-01T00:00:00.000Z",
      },
    },
  },
  rotateAiProvider: {
    anotherKey: { summary: "Another key of the same account", value: { key: "sk-ant-...", verify: false } },
    withGrace: {
      summary: "For an hour the old key stands in where the new one is refused",
      value: { key: "sk-ant-...", verify: false, graceSeconds: 3_600 },
    },
  },
  rotateAgentKey: {
    atOnce: { summary: "The old key ends at once", value: { graceSeconds: 0 } },
  },
  setPrices: {
    newModel: {
      summary: "A model that the table does not know yet, and one that costs nothing",
      value: {
        prices: [
          { provider: "anthropic", model: "claude-new", input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 },
          { provider: "my-llm", model: "*", input: 0, output: 0 },
        ],
      },
    },
  },
  createAgent: {
    simple: { summary: "An agent", value: { name: "my-agent", model: "claude-sonnet-3.5" } },
    bound: {
      summary: "An agent on a channel, with a face",
      value: { name: "bound-agent", bind: ["telegram:*"], identity: { name: "Ada", emoji: "🦞" } },
    },
    withAiKey: {
      summary: "An agent with its own AI key and a quota",
      value: {
        name: "auto-agent",
        model: "claude-sonnet-3.5",
        autoProvisionAiKey: { provider: "anthropic", quotas: { maxTokensPerMonth: 1_000_000 } },
      },
    },
    withAuth: {
      summary: "An agent with a key that is handed over",
      value: {
        name: "keyed-agent",
        model: "claude-sonnet-3.5",
        auth: { provider: "anthropic", credentials: { apiKey: "sk-ant-not-a-real-key" } },
      },
    },
  },
  updateAgent: {
    quotas: { summary: "Another quota", value: { quotas: { maxTokensPerMonth: 2_000_000, maxRequestsPerDay: null } } },
    labels: {
      summary: "Labels, and an end",
      value: { labels: { tenant: "acme", plan: null }, expiresAt: "2099-01-01T00:00:00Z" },
    },
  },
  changeAgents: {
    create: {
      summary: "Make many, each with its own result",
      value: {
        action: "create",
        agents: [{ name: "acme-support", labels: { tenant: "acme" } }, { name: "acme-sales" }],
      },
    },
    quotas: {
      summary: "Another quota for several agents",
      value: { action: "update", agentIds: ["auto-agent"], quotas: { maxTokensPerMonth: 3_000_000 } },
    },
    check: {
      summary: "Whose change would be refused",
      value: { action: "suspend", agentIds: ["auto-agent", "my-agent"], dryRun: true },
    },
  },
  adoptAgent: {
    metered: {
      summary: "With a key of its own, held to a budget",
      value: {
        autoProvisionAiKey: { provider: "anthropic", quotas: { maxUsdPerMonth: 20 } },
        labels: { tenant: "acme" },
      },
    },
    look: { summary: "Shows what would change", value: { dryRun: true } },
  },
  addAiKey: {
    budget: { summary: "Held to a budget", value: { provider: "anthropic", quotas: { maxUsdPerMonth: 20 } } },
  },
  moveAiKey: {
    account: {
      summary: "To the AI provider that the caller is linked to; quotas and use go with it",
      value: { provider: "anthropic" },
    },
  },
  onboardAgent: {
    auth: {
      summary: "A key that the agent already has",
      value: {
        steps: ["auth"],
        auth: {
          provider: "anthropic",
          credentials: { apiKey: "sk-ant-not-a-real-key" },
          model: "claude-sonnet-3.5",
        },
      },
    },
    model: { summary: "Another model", value: { steps: ["model"], model: "claude-opus-4-1" } },
  },
  creditAgent: {
    outage: {
      summary: "After an outage of the provider",
      value: { estimates: true, since: "2026-11-22T18:00:00.000Z" },
    },
  },
  rotateAiKey: {
    atOnce: { summary: "The old key ends at once", value: { graceSeconds: 0 } },
  },
  createWebhook: {
    signed: {
      summary: "Signed by Standard Webhooks",
      value: { url: "https://hooks.example.org/openclaw", events: ["quota.*", "provider.failing"] },
    },
    slack: { summary: "Into a Slack channel", value: { url: "https://hooks.example.org/slack", format: "slack" } },
    openclaw: {
      summary: "To an OpenClaw gateway's hooks",
      value: { url: "https://hooks.example.org/hooks/wake", format: "openclaw", secret: "the-gateways-hook-token" },
    },
  },
  updateWebhook: {
    events: { summary: "Other events", value: { events: ["quota.*", "agent.*"] } },
    enable: { summary: "Switched on again", value: { disabled: false } },
  },
  rotateWebhookSecret: {
    hour: { summary: "The old secret signs for another hour", value: { graceSeconds: 3_600 } },
  },
  deleteAgent: {
    everything: { summary: "Nothing stays", value: { deleteWorkspace: true, deleteSessions: true } },
  },
};
