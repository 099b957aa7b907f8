import fc from "fast-check";
import { expect } from "vitest";
import { type ProviderWire, unboundedReason } from "../../src/providers/shared/wire.ts";
import { readJsonBody } from "../../src/proxy/json-body.ts";
import { inputTokens } from "../../src/proxy/request-charge.ts";
import { textBytes } from "../../src/proxy/text-bytes.ts";
import type { Piece } from "./piece.ts";

/** The operator's bound for what is named or packed; at least every model's dearest image. */
export const mediaReferenceTokens = 50_000;
/** The amount that may be held for a request beyond what its parts allow. */
const slack = 128;

/**
 * Requests a shape. For more:
 * `RESERVATIONS=5000 npx vitest run test/property/reservations-openai.test.ts --testTimeout 600000`
 */
const runs = Number(process.env.RESERVATIONS ?? 150);

/** The runs of one field after the other, each beside any of the others. */
export const runsOfField = Math.ceil(runs / 8);

type Held = { refused: string } | { tokens: number; bytes: number };

/** The amount that the proxy reserves for the request, by its own reading of the body. */
function held(wire: ProviderWire, path: string, json: unknown): Held {
  const endpoint = wire.endpoint("POST", path);
  if (!endpoint?.body) throw new Error(`${path} is not an endpoint that takes a body`);
  const bytes = new TextEncoder().encode(JSON.stringify(json));
  const parsed = readJsonBody(bytes, endpoint.body);
  if ("fault" in parsed) return { refused: parsed.fault };
  const reading = endpoint.body.read(parsed.body, { mediaReferenceTokens, boundedFields: [] });
  if ("fault" in reading) return { refused: reading.fault };
  const reason = unboundedReason(reading, "refuse");
  if (reason !== undefined) return { refused: reason };
  if (reading.outputBound === undefined) throw new Error("the output of a sample is always bounded");
  const ofText = textBytes(new TextDecoder().decode(bytes), bytes.length, parsed.body.value);
  const input = inputTokens({ textBytes: ofText, reading });
  return { tokens: input + reading.outputBound * reading.answers, bytes: bytes.length };
}

/** Numbers of lists get a space before them where they are printed, and long ones are printed in full. */
function printedNumbers(json: unknown): number {
  if (typeof json === "number") return Math.abs(json) < 1e15 && !String(json).includes("e") ? 3 : 24;
  if (typeof json !== "object" || json === null) return 0;
  return Object.values(json).reduce((total: number, inner) => total + printedNumbers(inner), 0);
}

/**
 * Asserts that what is reserved for each request is at least what the reference counts, and hardly more than its
 * bytes and what its parts allow, or that it is refused, where it may be.
 *
 * @param requests their pieces include what their output is bounded at, under `tokens` and `allowance`
 */
export function checkReservations(
  wire: ProviderWire,
  path: string,
  requests: fc.Arbitrary<Piece<unknown>>,
  numRuns = runs,
): void {
  fc.assert(
    fc.property(requests, ({ json, tokens, allowance, mayBeRefused }) => {
      const answer = held(wire, path, json);
      if ("refused" in answer) {
        const refusable = mayBeRefused || tokens === Number.POSITIVE_INFINITY;
        expect(refusable, `an honest request is refused: ${answer.refused}`).toBe(true);
        return;
      }
      expect(answer.tokens).toBeGreaterThanOrEqual(tokens);
      expect(answer.tokens).toBeLessThanOrEqual(answer.bytes + allowance + printedNumbers(json) + slack);
    }),
    { numRuns },
  );
}
