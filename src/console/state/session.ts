import type { ConsoleCaller, ConsoleSessionOpened } from "../../schema/console.ts";
import { ApiError, ask, setBearer } from "./api.ts";

const slot = "provisioning.session";

/** The session is kept in this tab alone. A frame without storage keeps it for as long as it is open. */
function kept(): string | undefined {
  try {
    return sessionStorage.getItem(slot) ?? undefined;
  } catch {
    return undefined;
  }
}

function keep(session: string | undefined): void {
  try {
    if (session === undefined) sessionStorage.removeItem(slot);
    else sessionStorage.setItem(slot, session);
  } catch {
    // Nothing to keep it in.
  }
}

function use(session: string, onEnd: () => void): void {
  setBearer(session, () => {
    drop();
    onEnd();
  });
}

function drop(): void {
  keep(undefined);
  setBearer(undefined, () => undefined);
}

/** Takes the code of a link out of the address before anything else can read it there. */
export function takeCode(): string | undefined {
  const code = /^#code=([\w]+)$/.exec(location.hash)?.[1];
  if (code !== undefined) history.replaceState(null, "", `${location.pathname}#/`);
  return code;
}

/**
 * Exchanges a link's code, or goes on with the session of this tab.
 * @returns `undefined` where nobody is signed in
 * @throws ApiError for a code that is none any more
 */
export async function resume(code: string | undefined, onEnd: () => void): Promise<ConsoleCaller | undefined> {
  if (code !== undefined) return await exchange({ bearer: code }, onEnd);
  const session = kept();
  if (session === undefined) return undefined;
  use(session, onEnd);
  try {
    return await ask<ConsoleCaller>("/console/session");
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return undefined;
    throw error;
  }
}

/**
 * Exchanges the gateway token, and a provisioning key where one is given, for a session.
 * @throws ApiError for credentials that are refused
 */
export async function signIn(token: string, key: string, onEnd: () => void): Promise<ConsoleCaller> {
  return await exchange({ bearer: token, ...(key !== "" && { headers: { "x-agent-provisioning-key": key } }) }, onEnd);
}

/** The typed credentials are dropped with this call: the page holds the session alone. */
async function exchange(credentials: { bearer: string; headers?: Record<string, string> }, onEnd: () => void) {
  const { session } = await ask<ConsoleSessionOpened>("/console/session", { method: "POST", ...credentials });
  keep(session);
  use(session, onEnd);
  return await ask<ConsoleCaller>("/console/session");
}

const signOutMs = 5_000;

/**
 * Ends the session on the server; the page forgets it whatever the server says.
 * @returns whether it has ended there
 */
export async function signOut(): Promise<boolean> {
  try {
    await ask("/console/session", { method: "DELETE", signal: AbortSignal.timeout(signOutMs) });
    return true;
  } catch (error) {
    return error instanceof ApiError && (error.status === 401 || error.status === 404);
  } finally {
    drop();
  }
}
