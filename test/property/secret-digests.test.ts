import fc from "fast-check";
import { expect, it } from "vitest";
import { digestIsValid, liveDigests, rotateDigests, type SecretDigests } from "../../src/domain/secret-digests.ts";

const digest = (index: number) => index.toString(16).padStart(64, "0");
/** Seconds between rotations and the grace that each gives. */
const history = fc.array(
  fc.record({ after: fc.integer({ min: 0, max: 1000 }), grace: fc.integer({ min: 0, max: 2000 }) }),
  { maxLength: 5 },
);

function rotated(rotations: { after: number; grace: number }[]) {
  let now = Date.parse("2026-11-22T00:00:00Z");
  let secret: SecretDigests = { digest: digest(1) };
  const until = new Map<string, number>();
  rotations.forEach(({ after, grace }, at) => {
    now += after * 1000;
    if (grace === 0) until.clear();
    else until.set(secret.digest, now + grace * 1000);
    secret = rotateDigests(secret, digest(at + 2), grace * 1000, now);
  });
  return { secret, until, now };
}

it("the current digest is always valid, an older one exactly while its grace lasts", () => {
  fc.assert(
    fc.property(history, fc.integer({ min: 0, max: 3000 }), (rotations, later) => {
      const { secret, until, now } = rotated(rotations);
      const at = now + later * 1000;
      expect(digestIsValid(secret, secret.digest, at)).toBe(true);
      for (let old = 1; old <= rotations.length; old++) {
        expect(digestIsValid(secret, digest(old), at)).toBe((until.get(digest(old)) ?? 0) > at);
      }
    }),
    { numRuns: 500 },
  );
});

it("a foreign digest, an empty one, or one of another length is never valid", () => {
  fc.assert(
    fc.property(history, fc.string(), (rotations, foreign) => {
      const { secret, now } = rotated(rotations);
      expect(digestIsValid(secret, foreign, now)).toBe(false);
      expect(digestIsValid({ ...secret, digest: "" }, "", now)).toBe(false);
    }),
  );
});

it("rotating without a grace ends all that were before", () => {
  fc.assert(
    fc.property(history, (rotations) => {
      const { secret, now } = rotated(rotations);
      const next = rotateDigests(secret, digest(99), 0, now);
      expect(liveDigests(next, now)).toEqual([]);
      expect(digestIsValid(next, secret.digest, now)).toBe(false);
      expect(digestIsValid(next, digest(99), now)).toBe(true);
    }),
  );
});

it("a loop of rotations does not grow the record without end", () => {
  let secret: SecretDigests = { digest: digest(1) };
  for (let at = 2; at < 100; at++) secret = rotateDigests(secret, digest(at), 3_600_000, 0);
  expect(secret.previous!.length).toBeLessThanOrEqual(5);
  expect(digestIsValid(secret, digest(98), 0)).toBe(true);
});

it("a pending digest is valid beside all others, and after a rotation only if that made it the current one", () => {
  fc.assert(
    fc.property(history, fc.boolean(), (rotations, taken) => {
      const { secret, now } = rotated(rotations);
      const pending = { ...secret, pending: { digest: digest(98) } };
      for (let old = 0; old < 20; old++) {
        expect(digestIsValid(pending, digest(old), now)).toBe(digestIsValid(secret, digest(old), now));
      }
      expect(digestIsValid(pending, digest(98), now)).toBe(true);
      const next = rotateDigests(pending, digest(taken ? 98 : 99), 1000, now);
      expect(digestIsValid(next, digest(98), now)).toBe(taken);
      expect(digestIsValid(next, secret.digest, now)).toBe(true);
    }),
  );
});
