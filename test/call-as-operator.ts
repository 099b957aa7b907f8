import type { App } from "../src/app.ts";

/** One call of the API in this process, with the local operator's authority. */
export async function callAsOperator(
  app: App,
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
) {
  const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
  const response = await app.fetchAsOperator(new Request(`http://localhost/api/v1${path}`, init));
  // biome-ignore lint/suspicious/noExplicitAny: what a stranger's client gets is JSON of any shape
  return { status: response.status, body: (await response.json()) as any };
}
