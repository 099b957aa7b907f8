import { ClientError } from "../client/client-error.ts";
import { neverConnected } from "../domain/never-connected.ts";
import { isProblem, Problem, type ProblemCode, problemCodes } from "../errors.ts";

/**
 * The caller's own faults, or those that the caller can mend, wherever the agent lives. The rest is between us and the
 * gateway.
 */
const callersOwn: ReadonlySet<string> = new Set<ProblemCode>([
  "agent_ambiguous",
  "agent_adopted",
  "agent_busy",
  "agent_exists",
  "agent_managed",
  "agent_not_found",
  "agent_not_managed",
  "agent_reserved",
  "ai_provider_not_linked",
  "binding_taken",
  "confinement_not_supported",
  "credential_not_stored",
  "delete_not_allowed",
  "gateway_cordoned",
  "gateway_full",
  "invalid_name",
  "setting_unmetered",
  "tool_not_allowed",
  "workspace_not_allowed",
  "workspace_taken",
]);

const credentialFaults: ReadonlySet<string> = new Set<ProblemCode>([
  "provisioning_disabled",
  "provisioning_key_invalid",
  "provisioning_key_missing",
  "scope_missing",
  "unauthorized",
]);

/** A gateway's answer to us, as an answer to our caller: its address and our credentials for it are not told. */
export function gatewayProblem(gateway: string, error: unknown): Problem {
  if (isProblem(error)) return error;
  if (!(error instanceof ClientError)) return failed(gateway, "did not answer in time.", error);
  const { code, detail } = error;
  if (callersOwn.has(code)) return onGateway(gateway, code as ProblemCode, detail);
  if (code === "network_error" || code === "timeout") return failed(gateway, "could not be reached.", error);
  if (credentialFaults.has(code)) {
    return failed(
      gateway,
      `refuses us (${code}); check its token and key in gateway.provisioning.host.gateways.`,
      error,
    );
  }
  if (code === "rate_limited") {
    const headers: Record<string, string> =
      error.retryAfter === undefined ? {} : { "retry-after": String(error.retryAfter) };
    const why = "limits how often we may call it; give its provisioning key a higher rate limit.";
    return failed(gateway, why, error, headers);
  }
  if (isMistaken(error)) return failed(gateway, "has left its address, and is looked for.", error);
  if (code === "invalid_body" && error.errors.some(({ path }) => path === "auth")) {
    return failed(gateway, "is of an earlier release and takes no key with a create; upgrade it.", error);
  }
  if (code === "agent_limit_reached") return failed(gateway, "lets our provisioning key make no more agents.", error);
  return failed(gateway, `failed (${code}).`, error);
}

const onGateway = (gateway: string, code: ProblemCode, detail: string): Problem =>
  new Problem(code, `On the gateway "${gateway}": ${detail}`);

/** The outcome of one step of an onboarding, whose code may be any. */
export const stepProblem = (gateway: string, step: { code: string; message: string }): Problem =>
  callersOwn.has(step.code)
    ? onGateway(gateway, step.code as ProblemCode, step.message)
    : failed(gateway, `failed (${step.code}).`, undefined);

const failed = (gateway: string, what: string, cause: unknown, headers: Record<string, string> = {}): Problem =>
  new Problem("gateway_failed", `The gateway "${gateway}" ${what}`, { cause, headers });

/** The gateway's own no, after which nothing was done, whatever became of earlier attempts. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof ClientError &&
  error.status >= 400 &&
  error.status < 500 &&
  !isInFlight(error) &&
  !isTurnedAway(error);

/** The same request is under way there already. */
export const isInFlight = (error: unknown): boolean =>
  error instanceof ClientError && error.code === "idempotency_in_flight";

/** Another change of the agent is under way there. */
export const isBusy = (error: unknown): boolean => error instanceof ClientError && error.code === "agent_busy";

/** Another gateway has come to this one's address. */
export const isMistaken = ({ code }: ClientError): boolean => code === "gateway_mistaken";

/** A caller who is turned away learns nothing of an earlier attempt's work. */
const isTurnedAway = (error: ClientError): boolean =>
  credentialFaults.has(error.code) || error.code === "rate_limited" || isMistaken(error) || isForeign(error);

const ownCodes: ReadonlySet<string> = new Set(problemCodes);
/** A proxy says no, or sends elsewhere, in the place of a gateway: it knows nothing of what that has done. */
const isForeign = ({ status, code }: ClientError): boolean => status >= 300 && status < 500 && !ownCodes.has(code);

/**
 * Other services answer in JSON too: one about no agent is not the gateway's.
 * @throws ClientError `unexpected_answer`
 */
export function requireAnswer<T extends { agentId: string }>(answer: T): T {
  if (typeof answer.agentId === "string") return answer;
  const detail = "The answer is about no agent: is it the address of a gateway?";
  throw new ClientError({ status: 200, code: "unexpected_answer", detail });
}

/**
 * Tells of one attempt that it did nothing. A call of which the runtime does not say why it failed may have been sent.
 */
export const isUnsent = (error: unknown): boolean =>
  error instanceof ClientError &&
  (isTurnedAway(error) || (error.code === "network_error" && neverConnected.has(causeCode(error.cause))));

function causeCode(error: unknown): string {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  return typeof code === "string" ? code : cause === undefined ? "" : causeCode(cause);
}
