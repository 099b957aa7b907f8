import { ClientError } from "../client/client-error.ts";
import { escapeHidden } from "../domain/hidden-characters.ts";
import { withoutKeys } from "../domain/key-shapes.ts";
import { loggedUnder } from "../domain/logged-under.ts";

/** 1: refused or failed. 2: wrong usage. */
class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A failure with exit code 1: the command was understood. */
export const refused = (message: string) => new CommandFailure(message, 1);
/** A failure with exit code 2: the command itself is wrong. */
export const wrongUsage = (message: string) => new CommandFailure(message, 2);

/**
 * The command or variable that mends a fault, which the service cannot know of the caller. It is left out where the
 * answer names `mark` itself.
 */
const remedies: Partial<Record<ClientError["code"], { mark: string; remedy: string }>> = {
  key_not_found: { mark: "agent-keys list", remedy: "`agent-keys list` shows the ids" },
  ai_provider_not_found: { mark: "ai-providers list", remedy: "`ai-providers list` shows the ids" },
  agent_not_found: { mark: "agents list", remedy: "`agents list` shows the ids" },
  unauthorized: { mark: "OPENCLAW_GATEWAY_TOKEN", remedy: "set OPENCLAW_GATEWAY_TOKEN to that deployment's own" },
  provisioning_key_missing: {
    mark: "OPENCLAW_ADMIN_TOKEN",
    remedy: "set OPENCLAW_ADMIN_TOKEN or AGENT_PROVISIONING_KEY",
  },
  provisioning_key_invalid: {
    mark: "OPENCLAW_ADMIN_TOKEN",
    remedy: "check OPENCLAW_ADMIN_TOKEN or AGENT_PROVISIONING_KEY",
  },
  scope_missing: {
    mark: "AGENT_PROVISIONING_KEY",
    remedy: "set AGENT_PROVISIONING_KEY to one for agents, OPENCLAW_ADMIN_TOKEN for the administration",
  },
  delete_not_allowed: { mark: "allowDelete", remedy: "set gateway.provisioning.allowDelete to true in config.json" },
  provisioning_disabled: {
    mark: "OPENCLAW_PROVISIONING_ENABLED",
    remedy: "set OPENCLAW_PROVISIONING_ENABLED=true there",
  },
};

/** Fit for a terminal and for the log that it goes to, whoever wrote what is in it: it quotes what was given. */
export const oneLine = (text: string) =>
  escapeHidden(withoutKeys(text.replace(/\s+/g, (run) => (/[\r\n]/.test(run) ? " " : run)).trim()));

/**
 * One line without the leading `error:`. Never a stack.
 *
 * @param logHint in place of the request's id, where no log has it
 */
export function describeFailure(error: unknown, logHint?: string): string {
  if (!(error instanceof ClientError)) return oneLine(error instanceof Error ? error.message : String(error));
  const { requestId } = error;
  const detail =
    logHint !== undefined && requestId !== undefined ? error.detail.replace(loggedUnder(requestId), "") : error.detail;
  const faults = error.errors.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  const [only] = error.errors;
  const told = error.errors.length === 1 && (detail.includes(only!.message) || detail.startsWith(`${only!.path} `));
  const news = told ? [] : faults.filter((fault) => !detail.includes(fault));
  const parts = [detail, ...news];
  const { mark, remedy } = remedies[error.code] ?? {};
  if (mark !== undefined && remedy !== undefined && !detail.includes(mark)) parts.push(remedy);
  if (error.code === "rate_limited" && error.retryAfter !== undefined) parts.push(`try again in ${error.retryAfter} s`);
  if (error.status >= 500 && requestId !== undefined && !detail.includes(requestId))
    parts.push(logHint ?? `the log has it as request ${requestId}`);
  return oneLine(parts.map((part) => part.replace(/(?<![.;\s])[.;\s]+$/, "")).join("; "));
}

/** 1 for everything that is no `CommandFailure`. */
export const exitCodeOf = (error: unknown): 1 | 2 => (error instanceof CommandFailure ? error.exitCode : 1);
