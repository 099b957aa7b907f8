import { faultOfWebhookUrl, isListed, isPrivateName, refusalOf } from "../../src/domain/webhook-address.ts";
import { Problem } from "../../src/errors.ts";
import type { WebhookTransport } from "../../src/ports.ts";

/**
 * A Worker resolves no names: only public ones are taken. Their targets are the public network's business, from which
 * nothing inside a network can be reached.
 */
export function createWorkerWebhooks(
  allow: readonly string[],
  fetch: (url: string, init: RequestInit) => Promise<Response>,
): WebhookTransport {
  function requireAllowed(text: string): void {
    const url = new URL(text);
    const fault = faultOfWebhookUrl(url, allow);
    if (fault) throw new Problem("webhook_not_allowed", refusalOf(url, fault));
    if (isListed(url, allow)) return;
    if (isPrivateName(url)) throw new Problem("webhook_not_allowed", refusalOf(url, "private"));
    if (url.protocol === "http:") throw new Problem("webhook_not_allowed", refusalOf(url, "scheme"));
  }

  return {
    async check(url) {
      requireAllowed(url);
    },

    async post(url, request) {
      requireAllowed(url);
      const answer = await fetch(url, { method: "POST", redirect: "manual", ...request });
      await answer.body?.cancel();
      return { status: answer.status, retryAfter: answer.headers.get("retry-after") ?? undefined };
    },
  };
}
