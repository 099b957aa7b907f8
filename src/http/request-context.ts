import type { Bearer } from "./bearer.ts";
import type { RequestInfo, Route } from "./call.ts";

/** One request on its way through the guards. */
export interface RequestContext {
  requestId: string;
  info: RequestInfo;
  operator: boolean;
  /** Known once a credential was accepted. */
  actor: string;
  bearer?: Bearer;
  route?: Route;
  sessionId?: string | undefined;
  /** Fields that every answer of a keyed call carries. */
  headers: Record<string, string>;
}

/** Methods that change nothing. */
export const isRead = (request: Request): boolean => request.method === "GET" || request.method === "HEAD";
