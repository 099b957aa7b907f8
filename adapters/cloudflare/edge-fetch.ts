import type { Fetch } from "../../src/ports.ts";

/**
 * The Worker's `fetch` without redirects: one would carry a master key to wherever it points. Workers know no
 * `redirect: "error"`, and refuse the request that asks for it.
 */
export const edgeFetch: Fetch = async (input, init) => {
  const response = await fetch(input as string, { ...(init as RequestInit), redirect: "manual" });
  if (init?.redirect !== "error" || response.status < 300 || response.status > 399) return response;
  await response.body?.cancel();
  throw new TypeError(`refused the redirect that ${new URL(response.url).host} answered`);
};
