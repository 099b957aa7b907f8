import * as z from "zod/mini";
import { type Confinement as ConfinementName, confinements } from "../domain/confinement.ts";
import { AgentId, Label, noKey, shownText } from "./primitives.ts";

export const Identity = z.strictObject({
  name: z.optional(Label),
  emoji: z.optional(shownText(16)),
  avatar: z.optional(shownText(2048)),
});
export type Identity = z.infer<typeof Identity>;

/** As it is kept: what was once let in must stay readable. */
export const StoredIdentity = z.object({
  name: z.optional(z.string()),
  emoji: z.optional(z.string()),
  avatar: z.optional(z.string()),
});

/** `channel`, `channel:account` or `channel:*`. */
export const Binding = z
  .string()
  .check(
    z.regex(
      /^[a-z][a-z0-9_-]{0,63}(:(\*|[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}))?$/,
      "must be channel, channel:account or channel:*",
    ),
    noKey,
  )
  .register(z.globalRegistry, { examples: ["telegram:*"] });

export const Bindings = z.array(Binding).check(z.maxLength(100));
export const Confinement = z
  .enum(confinements, { error: `must be one of ${confinements.join(", ")}` })
  .register(z.globalRegistry, { id: "Confinement" });
export type Confinement = ConfinementName;

const ToolNames = z
  .array(z.string().check(z.regex(/^[A-Za-z][A-Za-z0-9_-]{0,127}$/, "is not a tool's name")))
  .check(z.maxLength(100));
const Peers = z.array(AgentId).check(z.maxLength(100));

/** A request whose agent is to end asks for an AI key. */
export const endNeedsKey = z.refine<{ expiresAt?: string | undefined; autoProvisionAiKey?: object | undefined }>(
  (body) => body.expiresAt === undefined || body.autoProvisionAiKey !== undefined,
  { path: ["expiresAt"], error: "needs autoProvisionAiKey: what ends is the agent's AI key" },
);

/** The fields that bound an agent's work on its host. */
export const confining = {
  confinement: z.optional(Confinement),
  tools: z.optional(ToolNames),
  peers: z.optional(Peers),
};
