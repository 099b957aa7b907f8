import { importPKCS8, SignJWT } from "jose";
import * as z from "zod/mini";
import { parsedJson } from "../../domain/parsed-json.ts";
import { Problem } from "../../errors.ts";
import type { Clock } from "../../ports.ts";
import { type SendAdminRequest, unknownShape } from "../admin/admin-request.ts";

const ServiceAccount = z.object({
  type: z.literal("service_account"),
  client_email: z.string().check(z.minLength(3)),
  private_key: z.string().check(z.regex(/PRIVATE KEY/)),
  private_key_id: z.optional(z.string()),
  project_id: z.optional(z.string()),
  token_uri: z._default(z.url({ protocol: /^https?$/ }), "https://oauth2.googleapis.com/token"),
  /** Google's clouds other than the public one. */
  universe_domain: z._default(z.string().check(z.regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/)), "googleapis.com"),
});
export type GoogleServiceAccount = z.infer<typeof ServiceAccount>;

const Token = z.object({
  access_token: z.string().check(z.regex(/^[\x21-\x7e]+$/)),
  expires_in: z._default(z.number(), 3600),
});

/** @throws Problem `provider_settings` that quotes nothing of the text */
export function parseServiceAccount(text: string): GoogleServiceAccount {
  const account = ServiceAccount.safeParse(parsedJson(text)).data;
  if (account) return account;
  throw new Problem(
    "provider_settings",
    "The credentials are not a Google service account's JSON key file (type, client_email and private_key are needed).",
  );
}

/**
 * Server-to-server OAuth 2.0: a signed assertion (RFC 7523) for a bearer token that acts for the account.
 *
 * @throws Problem `provider_settings` (the key cannot sign), `provider_refused`, `provider_unreachable`
 */
export async function googleAccessToken(
  send: SendAdminRequest,
  account: GoogleServiceAccount,
  clock: Clock,
): Promise<{ token: string; expiresAt: number }> {
  const now = Math.floor(clock.now() / 1000);
  let assertion: string;
  try {
    const key = await importPKCS8(account.private_key, "RS256");
    assertion = await new SignJWT({ scope: "https://www.googleapis.com/auth/cloud-platform" })
      .setProtectedHeader({ alg: "RS256", typ: "JWT", ...(account.private_key_id && { kid: account.private_key_id }) })
      .setIssuer(account.client_email)
      .setAudience(account.token_uri)
      .setIssuedAt(now)
      .setExpirationTime(now + 3600)
      .sign(key);
  } catch {
    throw new Problem("provider_settings", "The private key in the service account's credentials cannot be used.");
  }
  const body = new URLSearchParams({ grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion });
  const response = await send({ method: "POST", url: account.token_uri, body });
  if (response.outcome !== "ok") throw response.problem;
  const token = Token.safeParse(response.json).data;
  if (!token) throw unknownShape("Google");
  return { token: token.access_token, expiresAt: (now + token.expires_in) * 1000 };
}
