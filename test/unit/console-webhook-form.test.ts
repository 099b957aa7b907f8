import { describe, expect, it } from "vitest";
import { webhookBody } from "../../src/console/state/webhook-body.ts";

const form = { url: " https://hooks.example/a ", events: "", format: "standard" as const, secret: "" };

describe("the console's form for a webhook", () => {
  it("asks for what is filled in", () => {
    expect(webhookBody(form)).toEqual({ url: "https://hooks.example/a", format: "standard" });
    expect(webhookBody({ ...form, events: "quota.* provider.failing" })).toMatchObject({
      events: ["quota.*", "provider.failing"],
    });
  });

  it("sends a hook token with the one format that shows a field for it", () => {
    const typed = { ...form, secret: "hook-token" };
    expect(webhookBody({ ...typed, format: "openclaw" })).toMatchObject({ secret: "hook-token" });
    expect(webhookBody({ ...typed, format: "slack" })).not.toHaveProperty("secret");
  });
});
