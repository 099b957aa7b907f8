import type { Caller } from "../service/caller.ts";

/** The party behind a valid bearer: the gateway token, a JWT that stands for it, or a console session. */
export type Bearer = Omit<Caller, "operator" | "requestId" | "address" | "madeWith"> & { operator?: boolean };

/** Resolves to `undefined` for whatever is not a valid token of the issuer. */
export type VerifyJwt = (token: string) => Promise<Bearer | undefined>;
