import { type Call, type CallOptions, type CallSettings, type ChangeOptions, perform } from "./call.ts";

/** A repetition with the same key is answered as the first call was, for 24 hours. */
export interface IdempotentOptions extends CallOptions {
  /** Default: a new one for each call, so that its own retries are safe. */
  idempotencyKey?: string | undefined;
}

/** The calls that every part of the client is made of. */
export type Requests = ReturnType<typeof createRequests>;

/** The four ways in which the client's methods call the API. */
export function createRequests(settings: CallSettings) {
  // The shapes are the service's word: the contract suite holds it to them.
  const call = async <Answer>(request: Omit<Call, "signal">, { madeWith, signal }: ChangeOptions = {}) => {
    const headers = { ...request.headers, ...(madeWith !== undefined && { "agent-made-with": madeWith }) };
    return (await perform({ ...request, headers, signal }, settings)) as Answer;
  };
  return {
    call,
    read: <Answer>(path: string, query?: Call["query"], at?: CallOptions) =>
      call<Answer>({ method: "GET", path, query, repeatable: true }, at),
    post: <Answer>(path: string, body: unknown, repeatable: boolean, at?: ChangeOptions) =>
      call<Answer>({ method: "POST", path, body, repeatable }, at),
    /** A POST that the service does once, however often it is repeated. */
    postOnce: <Answer>(
      path: string,
      body: unknown,
      { idempotencyKey, signal }: IdempotentOptions = {},
      headers: Readonly<Record<string, string>> = {},
    ) =>
      call<Answer>(
        {
          method: "POST",
          path,
          body,
          headers: { "idempotency-key": idempotencyKey ?? crypto.randomUUID(), ...headers },
          repeatable: true,
        },
        { signal },
      ),
  };
}

/** Empty for half a letter, which has no encoding: no call is made then. */
export const segment = (name: string): string => (name.isWellFormed() ? encodeURIComponent(name) : "");

/** A path below the base; the id is encoded. */
export const below = (collection: string, id: string, rest = ""): string => `/${collection}/${segment(id)}${rest}`;
