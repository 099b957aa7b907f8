import { createRemoteJWKSet, customFetch, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { JWKSMultipleMatchingKeys, JWKSNoMatchingKey } from "jose/errors";
import { hasHiddenCharacters } from "../domain/hidden-characters.ts";
import { isFresh } from "../domain/is-fresh.ts";
import { latestTimeMs } from "../domain/latest-time.ts";
import { isProblem, Problem } from "../errors.ts";
import type { Context } from "../service/context.ts";
import type { Bearer, VerifyJwt } from "./bearer.ts";

type Rule = NonNullable<Context["settings"]["provisioning"]["auth"]["jwks"]>["rules"][number];

/** After a failure the issuer is left alone for so long: whoever sends tokens must not make us hammer it. */
const restMs = 1_000;
/** A hundred times what a large set of keys is. */
const mostBytes = 1_048_576;

/** Lets a JWT of the configured issuer (`auth.jwks`) stand for the gateway token; `undefined` where none is configured. */
export function createVerifyJwt(context: Context): VerifyJwt | undefined {
  const { jwks } = context.settings.provisioning.auth;
  if (!jwks) return undefined;
  const url = new URL(jwks.url ?? `${jwks.issuer.replace(/\/$/, "")}/.well-known/jwks.json`);
  const keyOf = issuerKeys(context, url);
  return async (token) => {
    // Three segments, or it is no JWT and not worth a look at the issuer.
    if (token.split(".").length !== 3) return undefined;
    try {
      const { payload } = await jwtVerify(token, keyOf, {
        issuer: jwks.issuer,
        audience: jwks.audience,
        algorithms: jwks.algorithms,
        clockTolerance: jwks.clockToleranceSeconds,
        currentDate: new Date(context.clock.now()),
        requiredClaims: ["exp"],
      });
      return bearerFrom(payload, jwks.rules);
    } catch (error) {
      if (isProblem(error)) throw error;
      return undefined;
    }
  };
}

/** @throws Problem `issuer_unreachable` where the keys cannot be read, which is not the token's fault */
function issuerKeys(context: Context, url: URL): JWTVerifyGetKey {
  let failedAt = Number.NEGATIVE_INFINITY;
  const keys = createRemoteJWKSet(url, {
    // Redirects are not followed, which is jose's own choice: the keys are trusted because of where they stand.
    [customFetch]: async (input, init) => {
      if (isFresh(failedAt, context.clock.now(), restMs)) throw new Error("the issuer failed just now");
      try {
        const response = await context.fetch(input, init as RequestInit);
        if (response.status !== 200) failedAt = context.clock.now();
        return bounded(response, () => {
          failedAt = context.clock.now();
        });
      } catch (error) {
        failedAt = context.clock.now();
        throw error;
      }
    },
    timeoutDuration: 5_000,
    cooldownDuration: 10_000,
  });
  return async (header, token) => {
    try {
      return await keys(header, token);
    } catch (cause) {
      // A token may name a key that the issuer does not have.
      if (cause instanceof JWKSNoMatchingKey || cause instanceof JWKSMultipleMatchingKeys) throw cause;
      const detail = "The token issuer's keys cannot be read right now; try again in a moment.";
      throw new Problem("issuer_unreachable", detail, { cause });
    }
  };
}

/** An issuer that is no longer itself must not fill our memory. */
function bounded(response: Response, exceeded: () => void): Response {
  if (response.status !== 200 || !response.body) return response;
  let size = 0;
  const body = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        size += chunk.byteLength;
        if (size <= mostBytes) return controller.enqueue(chunk);
        exceeded();
        throw new Error(`the issuer's keys are more than ${mostBytes} bytes`);
      },
    }),
  );
  return new Response(body, response);
}

/** The value of a claim, by its name or by its path (`realm_access.roles`). */
function claimAt(payload: JWTPayload, name: string): unknown {
  const step = (at: unknown, key: string): unknown =>
    typeof at === "object" && at !== null && Object.hasOwn(at, key) ? (at as Record<string, unknown>)[key] : undefined;
  // Some names are addresses, full of dots.
  return step(payload, name) ?? name.split(".").reduce(step, payload);
}

function bearerFrom(payload: JWTPayload, rules: Rule[]): Bearer | undefined {
  // OpenID Connect Core, section 2: at most 255 characters. Some issuers leave a machine's empty.
  const subject: unknown = payload.sub || "unknown";
  if (typeof subject !== "string" || subject.length > 255 || !subject.isWellFormed()) return undefined;
  // It is an actor's name from here on, in the trail and in the log.
  if (hasHiddenCharacters(subject)) return undefined;
  const matching = rules.filter((rule) => {
    const claim = claimAt(payload, rule.claim);
    return Array.isArray(claim) ? claim.includes(rule.value) : claim === rule.value;
  });
  // Rules say who is let in, and nobody else is: whoever may run a workflow at GitHub chooses its token's audience.
  if (rules.length > 0 && matching.length === 0) return undefined;
  const reach = matching.some((rule) => rule.reach === "own") ? "own" : "all";
  // Those without a subject are told from each other by nothing, and would own each other's agents.
  if (reach === "own" && !payload.sub) return undefined;
  const aiProviderKeyId = matching.find((rule) => rule.aiProviderKeyId !== undefined)?.aiProviderKeyId;
  const scopes = new Set(matching.flatMap((rule) => rule.scopes));
  // As in one rule: what it is over is everybody's.
  if (reach === "own") scopes.delete("provisioning:admin");
  return {
    actor: `jwt:${subject}`,
    scopes: [...scopes],
    reach,
    ...(aiProviderKeyId !== undefined && { aiProviderKeyId }),
    ...(payload.exp !== undefined && {
      bearerExpiresAt: new Date(Math.min(payload.exp, Math.floor(latestTimeMs / 1_000)) * 1_000).toISOString(),
    }),
  };
}
