import fc from "fast-check";
import { expect, it } from "vitest";
import { Binding } from "../../src/schema/agent-fields.ts";
import { bindingClaim } from "../../src/storage/ledger-names.ts";

const channel = fc.stringMatching(/^[a-z][a-z0-9_-]{0,63}$/);
const account = fc.oneof(fc.constant("*"), fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$/));
const isBinding = (text: string) => Binding.safeParse(text).success;

it("a channel, a channel's account and a whole channel are bindings", () => {
  fc.assert(
    fc.property(channel, fc.option(account, { nil: undefined }), (name, of) => {
      expect(isBinding(of === undefined ? name : `${name}:${of}`)).toBe(true);
    }),
  );
});

it("has one account at most, one star at most, and nothing that could end a line or a path", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
      for (const text of [a, `telegram:${a}`, `${a}:${b}`, `telegram:${a}\n`]) {
        if (!isBinding(text)) continue;
        expect(text).toMatch(/^[a-z][\w-]*(:(\*|[\w.@+-]+))?$/);
        expect(text.split(":").length).toBeLessThanOrEqual(2);
      }
    }),
  );
});

it.each([
  "",
  ":",
  "telegram:",
  ":*",
  "Telegram:*",
  "telegram:**",
  "telegram:*x",
  "telegram:a:b",
  "telegram :x",
  "telegram:\n",
  "telegram:../x",
  "1telegram",
  `t${"e".repeat(64)}`,
  `telegram:${"a".repeat(129)}`,
])("%j is none", (text) => {
  expect(isBinding(text)).toBe(false);
});

it("no two bindings share a claim", () => {
  const any = fc.tuple(fc.constantFrom(undefined, "", "eu", "eu:x"), fc.oneof(channel, fc.string()));
  fc.assert(
    fc.property(any, any, ([gateway, one], [other, two]) => {
      fc.pre(one !== two || (gateway ?? "") !== (other ?? ""));
      expect(bindingClaim(gateway, one)).not.toBe(bindingClaim(other, two));
    }),
  );
});
