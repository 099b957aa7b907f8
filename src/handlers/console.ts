import { Problem } from "../errors.ts";
import { route } from "../http/call.ts";
import { shownTokens } from "../http/shown-tokens.ts";
import {
  ConsoleCaller,
  ConsoleLink,
  ConsoleSessionList,
  ConsoleSessionOpened,
  ConsoleSessionView,
} from "../schema/console.ts";
import { describeCaller } from "../service/console/describe-caller.ts";
import { closeSession, listSessions, makeConsoleLink, openSession } from "../service/console/sessions.ts";

export const openSessionRoute = route({
  method: "POST",
  path: "/console/session",
  operationId: "openConsoleSession",
  summary: "Exchange the credentials, or a link's code as the bearer, for a console session of eight hours",
  scope: "token",
  response: { status: 201, description: "The session, shown this once", schema: ConsoleSessionOpened },
  problems: ["session_not_allowed", "provisioning_key_invalid"],
  async handle({ context, caller, headers }) {
    const { code, ...shown } = shownTokens(context, caller, headers);
    return { body: await openSession(context, caller, shown, code) };
  },
});

export const getSessionRoute = route({
  method: "GET",
  path: "/console/session",
  operationId: "getConsoleSession",
  summary: "Who asks, and what it may do here",
  scope: "token",
  response: { status: 200, description: "The caller", schema: ConsoleCaller },
  problems: [],
  async handle({ context, caller }) {
    return { body: await describeCaller(context, caller) };
  },
});

export const closeSessionRoute = route({
  method: "DELETE",
  path: "/console/session",
  operationId: "closeConsoleSession",
  summary: "End the console session that is the bearer",
  scope: "token",
  response: { status: 200, description: "The session as it was", schema: ConsoleSessionView },
  problems: ["session_not_found"],
  async handle({ context, caller }) {
    if (!caller.session) throw new Problem("session_not_found", "The bearer is no console session.");
    return { body: await closeSession(context, caller, caller.session.id, "console.close") };
  },
});

export const makeConsoleLinkRoute = route({
  method: "POST",
  path: "/console/link",
  operationId: "makeConsoleLink",
  summary: "Make a link that opens the console signed in, once and within a minute",
  scope: "token",
  response: { status: 201, description: "The link, shown this once", schema: ConsoleLink },
  problems: ["session_not_allowed", "provisioning_key_invalid", "not_found"],
  async handle({ context, caller, headers }) {
    const { code: _, ...shown } = shownTokens(context, caller, headers);
    return { body: await makeConsoleLink(context, caller, shown) };
  },
});

export const listSessionsRoute = route({
  method: "GET",
  path: "/provisioning/sessions",
  operationId: "listConsoleSessions",
  summary: "List the open console sessions",
  scope: "provisioning:admin",
  response: { status: 200, description: "The newest first", schema: ConsoleSessionList },
  problems: [],
  async handle({ context }) {
    return { body: await listSessions(context) };
  },
});

export const revokeSessionRoute = route({
  method: "POST",
  path: "/provisioning/sessions/:id/revoke",
  operationId: "revokeConsoleSession",
  summary: "End a console session at once",
  scope: "provisioning:admin",
  response: { status: 200, description: "The session as it was", schema: ConsoleSessionView },
  problems: ["session_not_found"],
  async handle({ context, caller, params }) {
    return { body: await closeSession(context, caller, params.id!, "console.revoke") };
  },
});
