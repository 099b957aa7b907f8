import { type Call, type CallOptions, type CallSettings, perform } from "./call.ts";

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
  const call = async <Answer>(request: Call): Promise<Answer> => (await perform(request, settings)) as Answer;
  return {
    call,
    read: <Answer>(path: string, query?: Call["query"], at: CallOptions = {}) =>
      call<Answer>({ method: "GET", path, query, repeatable: true, signal: at.signal }),
    post: <Answer>(path: string, body: unknown, repeatable: boolean, at: CallOptions = {}) =>
      call<Answer>({ method: "POST", path, body, repeatable, signal: at.signal }),
    /** A POST that the service does once, however often it is repeated. */
    postOnce: <Answer>(
      path: string,
      body: unknown,
      { idempotencyKey, signal }: IdempotentOptions = {},
      headers: Readonly<Record<string, string>> = {},
    ) =>
      call<Answer>({
        method: "POST",
        path,
        body,
        headers: { "idempotency-key": idempotencyKey ?? crypto.randomUUID(), ...headers },
        repeatable: true,
        signal,
      }),
  };
}

/** Empty for half a letter, which has no encoding: no call is made then. */
export const segment = (name: string): string => (name.isWellFormed() ? encodeURIComponent(name) : "");

/** A path below the base; the id is encoded. */
export const below = (collection: string, id: string, rest = ""): string => `/${collection}/${segment(id)}${rest}`;
