import type * as z from "zod/mini";
import type {
  ConsoleCaller,
  ConsoleLink,
  ConsoleSessionList,
  ConsoleSessionOpened,
  ConsoleSessionView,
} from "../schema/console.ts";
import type { CallOptions } from "./call.ts";
import { below, type Requests } from "./requests.ts";

export type ConsoleSessions = z.infer<typeof ConsoleSessionList>;

/** Calls of `client.console`, and of the sessions that are open there. */
export const consoleCalls = ({ read, post }: Requests) => ({
  /** Exchanges the client's credentials for a session. */
  open: (at?: CallOptions) => post<ConsoleSessionOpened>("/console/session", undefined, false, at),
  /** A link that opens the console signed in, once. */
  link: (at?: CallOptions) => post<ConsoleLink>("/console/link", undefined, false, at),
  /** The party that the client's credentials stand for. */
  caller: (at?: CallOptions) => read<ConsoleCaller>("/console/session", undefined, at),
  sessions: (at?: CallOptions) => read<ConsoleSessions>("/provisioning/sessions", undefined, at),
  revoke: (id: string, at?: CallOptions) =>
    post<ConsoleSessionView>(below("provisioning/sessions", id, "/revoke"), undefined, false, at),
});
