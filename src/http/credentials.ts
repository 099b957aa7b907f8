export const keyHeader = "x-agent-provisioning-key";

/** The bearer token of a header that is there once. */
export const bearerIn = (headers: Headers): string | undefined =>
  /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
