import * as z from "zod/mini";
import { bodyCopies } from "../domain/body-memory.ts";

export const ProxySettings = z.prefault(
  z
    .strictObject({
      maxBodyBytes: z._default(z.int().check(z.minimum(1024)), 33_554_432),
      /** Requests of one key under way at once, in each process. */
      maxConcurrentPerKey: z._default(z.int().check(z.minimum(1)), 64),
      /** Bodies that are under way, their text and values included. Default: see `bodyMemoryBytes`. */
      maxBodyMemoryBytes: z.optional(z.int().check(z.minimum(4096))),
      /** From a request's head to the end of its body. */
      bodyTimeoutMs: z._default(z.int().check(z.minimum(1)), 60_000),
      /** Tokens reserved for each image, file or sound that a request names rather than carries. */
      mediaReferenceTokens: z._default(z.int().check(z.minimum(0)), 32_768),
      /** Places in requests' bodies whose bytes bound what they cost, as a refusal writes them. */
      boundedFields: z._default(z.array(z.string().check(z.minLength(1))), []),
      /** The origins of browsers' pages that may call the proxy: `https://chat.example.org`, or `*`. */
      corsOrigins: z._default(
        z.array(
          z
            .string()
            .check(
              z.regex(/^(\*|https?:\/\/[^\s/,*]+)$/, 'must be an origin, as in "https://chat.example.org", or "*"'),
            ),
        ),
        [],
      ),
      /** Providers, by their slug, that tell a stream's usage to whoever asks or does not. */
      tellsUsage: z._default(z.array(z.string().check(z.minLength(1))), []),
      /** Tools that run at the provider, where a token quota is set. */
      hostedTools: z._default(z.enum(["omit", "refuse", "allow"]), "omit"),
      /** Put into requests that do not bound their output, where a token quota is set. Default: `outputBound`. */
      defaultMaxOutputTokens: z.optional(z.int().check(z.minimum(1))),
      /** The Node server answers plain requests on the socket itself; without it, all of them through `node:http`. */
      fastPath: z._default(z.boolean(), true),
      connectTimeoutMs: z._default(z.int().check(z.minimum(1)), 10_000),
      silenceTimeoutMs: z._default(z.int().check(z.minimum(1)), 300_000),
    })
    .check(
      z.refine(
        ({ maxBodyBytes, maxBodyMemoryBytes = Number.POSITIVE_INFINITY }) =>
          maxBodyMemoryBytes >= bodyCopies * maxBodyBytes,
        {
          path: ["maxBodyMemoryBytes"],
          message: "must be at least three times maxBodyBytes, for a body, its text and its values",
        },
      ),
    ),
  {},
);
