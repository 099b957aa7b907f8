/**
 * Every failure that a caller can meet, by its stable code. A `Problem` is worded for the caller and carries
 * no secret and no path of ours; anything else that is thrown is a bug and answers `internal_error`.
 */
const catalogue = {
  invalid_json: [400, "The body is not valid JSON"],
  invalid_body: [400, "The body is not valid"],
  invalid_query: [400, "The query is not valid"],
  invalid_path: [400, "The path is not valid"],
  invalid_header: [400, "A header is not valid"],
  invalid_name: [400, "The name leaves no usable id"],
  unauthorized: [401, "A valid gateway token is required"],
  provisioning_key_missing: [401, "A provisioning key is required"],
  provisioning_key_invalid: [401, "The provisioning key is not valid"],
  scope_missing: [403, "The provisioning key lacks a scope"],
  session_not_allowed: [403, "A console session may not do this"],
  delete_not_allowed: [403, "Deleting agents is switched off"],
  agent_limit_reached: [403, "The provisioning key has made as many agents as it may"],
  ai_provider_not_linked: [403, "The provisioning key is not linked to this AI provider"],
  provisioning_disabled: [404, "Provisioning is switched off"],
  not_found: [404, "There is nothing at this address"],
  agent_not_found: [404, "There is no such agent"],
  key_not_found: [404, "There is no such key"],
  ai_provider_not_found: [404, "There is no such AI provider"],
  price_not_found: [404, "No such price was set"],
  ai_key_not_found: [404, "The agent has no AI key"],
  session_not_found: [404, "There is no such console session"],
  webhook_not_found: [404, "There is no such webhook"],
  delivery_not_found: [404, "There is no such delivery"],
  operation_not_found: [404, "There is no such operation"],
  gateway_not_found: [422, "There is no such gateway"],
  method_not_allowed: [405, "The method is not allowed here"],
  agent_managed: [409, "The agent is managed by this service already"],
  agent_adopted: [409, "The agent was adopted"],
  agent_not_adopted: [409, "The agent was not adopted"],
  ai_key_exists: [409, "The agent has an AI key"],
  agent_exists: [409, "An agent of this id exists"],
  agent_reserved: [409, "This agent id is reserved"],
  agent_ambiguous: [409, "Several gateways have an agent of this id"],
  agent_busy: [409, "The agent is being changed"],
  agent_expired: [409, "The agent has ended"],
  gateway_mistaken: [421, "Another gateway is meant"],
  gateway_full: [409, "The gateway has as many agents as it may"],
  gateway_cordoned: [409, "The gateway takes no new agents"],
  gateway_not_allowed: [409, "The agent may not be on that gateway"],
  binding_taken: [409, "A binding belongs to another agent"],
  workspace_taken: [409, "The workspace belongs to another agent"],
  idempotency_in_flight: [409, "The first request with this Idempotency-Key is still running"],
  provider_exists: [409, "There is an AI provider of this name"],
  key_busy: [409, "The key is being changed"],
  key_revoked: [409, "The key is revoked"],
  key_expired: [409, "The key has expired"],
  webhook_busy: [409, "The webhook is being changed"],
  webhook_from_settings: [409, "The webhook stands in the settings"],
  body_too_large: [413, "The body is too large"],
  audit_not_rotatable: [422, "The audit trail is not in files here"],
  setting_unmetered: [409, "A setting of the gateway leads around the agent's own key"],
  tool_not_allowed: [422, "The tool cannot be given to an agent"],
  confinement_not_supported: [422, "The agent cannot be confined like that here"],
  workspace_not_allowed: [422, "The workspace is not allowed"],
  webhook_not_allowed: [422, "The webhook's address is not allowed"],
  idempotency_mismatch: [422, "The Idempotency-Key was used with another body"],
  mode_not_supported: [422, "The AI key mode is not supported"],
  provider_refused: [422, "The AI provider refused"],
  provider_settings: [422, "The AI provider's settings are incomplete"],
  provider_revoked: [422, "The AI provider is revoked"],
  agent_not_managed: [422, "The agent was not made by this service"],
  credential_not_stored: [422, "Nothing here can hold a credential"],
  rate_limited: [429, "Too many requests"],
  internal_error: [500, "Something unexpected went wrong"],
  provider_unreachable: [502, "The AI provider could not be reached"],
  gateway_failed: [502, "The agent's gateway could not be used"],
  store_unreadable: [503, "The store cannot be read"],
  store_unwritable: [503, "The store cannot be written"],
  audit_unwritable: [503, "The audit trail cannot be written"],
  host_unavailable: [503, "The agent host cannot be used"],
  issuer_unreachable: [503, "The token issuer cannot be reached"],
  interrupted: [503, "The change was interrupted and undone"],
  secret_unopenable: [503, "A stored secret cannot be opened"],
  not_ready: [503, "Not ready"],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof catalogue;

export const problemCodes = Object.keys(catalogue) as ProblemCode[];

/** One of a body or a query, by its path (`autoProvisionAiKey.quotas.maxTokensPerMonth`). */
export interface Fault {
  path: string;
  message: string;
  /** Of a list that is too long: how many it may have in one call here. */
  most?: number | undefined;
}

/** Details of a problem beside its code and text. `cause` is for the log alone. */
export interface ProblemExtras {
  errors?: Fault[];
  headers?: Record<string, string>;
  cause?: unknown;
}

export class Problem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly title: string;
  readonly errors: Fault[] | undefined;
  readonly headers: Record<string, string>;

  /** `detail` reaches the caller: say what is wrong and what to do. `cause` reaches only the log. */
  constructor(code: ProblemCode, detail?: string, extras: ProblemExtras = {}) {
    const [status, title] = catalogue[code];
    super(detail ?? title, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.name = "Problem";
    this.code = code;
    this.status = status;
    this.title = title;
    this.errors = extras.errors;
    this.headers = extras.headers ?? {};
  }
}

/** The refusal or the failure of a gateway that has surely done nothing: what was asked of it may be asked of another. */
export class GatewayUntouched extends Problem {
  constructor({ code, message, headers, cause }: Problem) {
    super(code, message, { headers, cause });
  }
}

/** Statuses of a caller who may not, or not now: the trail has them. */
export const denials: ReadonlySet<number> = new Set([401, 403, 429]);

/** Whether the error is one for the caller; with a `code`, that one alone. */
export const isProblem = (error: unknown, code?: ProblemCode): error is Problem =>
  error instanceof Problem && (code === undefined || error.code === code);
