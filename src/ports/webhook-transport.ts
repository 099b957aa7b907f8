/** Sends to addresses that operators chose, and to none inside the network. */
export interface WebhookTransport {
  /** @throws Problem `webhook_not_allowed`, naming the setting that allows it */
  check(url: string): Promise<void>;
  /**
   * Resolves to the status, whichever it is; a redirect is not followed, and no body is read. The address is checked
   * again, and the one that was checked is connected to.
   * @throws Problem `webhook_not_allowed`; anything else where there was no answer
   */
  post(
    url: string,
    request: { headers: Record<string, string>; body: string; signal: AbortSignal },
  ): Promise<{ status: number; retryAfter: string | undefined }>;
}
