import { agentTexts } from "./texts/agent.ts";
import { agentsTexts } from "./texts/agents.ts";
import { alertsTexts } from "./texts/alerts.ts";
import { healthTexts } from "./texts/health.ts";
import { keysTexts } from "./texts/keys.ts";
import { overviewTexts } from "./texts/overview.ts";
import { providersTexts } from "./texts/providers.ts";
import { shellTexts } from "./texts/shell.ts";
import { signInTexts } from "./texts/sign-in.ts";
import { spendingTexts } from "./texts/spending.ts";
import { trailTexts } from "./texts/trail.ts";

/** Everything that the console says. */
export const t = {
  ...shellTexts,
  ...signInTexts,
  ...overviewTexts,
  ...agentsTexts,
  ...agentTexts,
  ...keysTexts,
  ...providersTexts,
  ...trailTexts,
  ...alertsTexts,
  ...spendingTexts,
  ...healthTexts,
};
