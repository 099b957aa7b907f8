import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from "jose";
import { Problem } from "../errors.ts";
import type { Context } from "../service/context.ts";
import type { Bearer } from "./authenticate.ts";

/** Resolves to `undefined` for whatever is not a valid token of the issuer. */
export type VerifyJwt = (token: string) => Promise<Bearer | undefined>;

type Rule = NonNullable<Context["settings"]["provisioning"]["auth"]["jwks"]>["rules"][number];

/** Lets a JWT of the configured issuer (`auth.jwks`) stand for the gateway token; `undefined` where none is configured. */
export function createVerifyJwt(context: Context): VerifyJwt | undefined {
  const { jwks } = context.settings.provisioning.auth;
  if (!jwks) return undefined;
  const url = new URL(jwks.url ?? `${jwks.issuer.replace(/\/$/, "")}/.well-known/jwks.json`);
  const keys = createRemoteJWKSet(url, {
    // Redirects are refused: the keys are trusted because of where they stand.
    [customFetch]: (input, init) => context.fetch(input, { ...init, redirect: "error" } as RequestInit),
    timeoutDuration: 5_000,
    cooldownDuration: 10_000,
  });
  return async (token) => {
    // Three segments, or it is no JWT and not worth a look at the issuer.
    if (token.split(".").length !== 3) return undefined;
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer: jwks.issuer,
        audience: jwks.audience,
        algorithms: jwks.algorithms,
        clockTolerance: jwks.clockToleranceSeconds,
        currentDate: new Date(context.clock.now()),
        requiredClaims: ["exp"],
      });
      return bearerFrom(payload, jwks.rules);
    } catch (cause) {
      // A token may name a key that the issuer does not have; that the issuer did not answer is not the token's fault.
      if (
        cause instanceof errors.JOSEError &&
        !(cause instanceof errors.JWKSTimeout) &&
        cause.code !== "ERR_JOSE_GENERIC"
      ) {
        return undefined;
      }
      throw new Problem(
        "issuer_unreachable",
        "The token issuer's keys cannot be read right now; try again in a moment.",
        { cause },
      );
    }
  };
}

function bearerFrom(payload: JWTPayload, rules: Rule[]): Bearer {
  const matching = rules.filter((rule) => {
    const claim = payload[rule.claim];
    return Array.isArray(claim) ? claim.includes(rule.value) : claim === rule.value;
  });
  const aiProviderKeyId = matching.find((rule) => rule.aiProviderKeyId !== undefined)?.aiProviderKeyId;
  return {
    actor: `jwt:${payload.sub ?? "unknown"}`,
    scopes: [...new Set(matching.flatMap((rule) => rule.scopes))],
    ...(aiProviderKeyId !== undefined && { aiProviderKeyId }),
  };
}
