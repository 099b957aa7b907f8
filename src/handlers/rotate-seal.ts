import * as z from "zod/mini";
import { route } from "../http/call.ts";
import { resealSecrets } from "../service/maintenance/reseal-secrets.ts";

const SealRotated = z
  .object({ sealKey: z.string(), resealed: z.int() })
  .register(z.globalRegistry, { id: "SealRotated" });

export const rotateSealRoute = route({
  method: "POST",
  path: "/provisioning/seal/rotate",
  operationId: "rotateSeal",
  summary: "Seal every stored secret anew under the deployment's first seal key",
  scope: "provisioning:admin",
  response: {
    status: 200,
    description: "The seal key's id, and how many secrets were under another",
    schema: SealRotated,
  },
  problems: ["secret_unopenable", "key_busy"],
  async handle({ context, caller }) {
    return { body: await resealSecrets(context, caller) };
  },
});
