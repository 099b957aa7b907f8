import * as z from "zod/mini";
import { isPlainAddress } from "../domain/plain-address.ts";
import { HttpUrl } from "../schema/primitives.ts";
import { administersAndOwns, administersAndOwnsFault, Reach, Scope } from "../schema/provisioning-key.ts";

const JwksFields = z.strictObject({
  issuer: z.string().check(z.minLength(1)),
  audience: z.union([
    z.string().check(z.minLength(1)),
    z.array(z.string().check(z.minLength(1))).check(z.minLength(1)),
  ]),
  /** Default: `<issuer>/.well-known/jwks.json`. */
  url: z.optional(HttpUrl),
  /** Asymmetric only: a symmetric one would let the public key sign. */
  algorithms: z
    .array(z.enum(["EdDSA", "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]))
    .check(z.minLength(1)),
  clockToleranceSeconds: z._default(z.int().check(z.minimum(0), z.maximum(300)), 30),
  /**
   * `claim` is a name or a path (`realm_access.roles`). A token whose claim equals (or, for a list, holds) the value
   * gets the scopes without a provisioning key; without scopes it reads. One that no rule matches is refused, unless
   * there are no rules.
   */
  rules: z._default(
    z.array(
      z
        .strictObject({
          claim: z.string().check(z.minLength(1)),
          value: z.union([z.string(), z.number(), z.boolean()]),
          scopes: z.array(Scope),
          /** The rule's reach. One rule that says `own` decides over several that match, and none of them administers. */
          reach: z.optional(Reach),
          aiProviderKeyId: z.optional(z.string()),
        })
        .check(z.refine((rule) => !administersAndOwns(rule), { path: ["reach"], error: administersAndOwnsFault })),
    ),
    [],
  ),
});

/** The tokens of an identity provider that stand for provisioning keys. */
export const JwksSettings = JwksFields.check(
  z.refine((jwks) => jwks.url !== undefined || isPlainAddress(jwks.issuer), {
    path: ["issuer"],
    error: "must be an http or https URL without credentials, from which that of its keys follows, or url be set",
  }),
);
