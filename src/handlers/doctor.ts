import { route } from "../http/call.ts";
import { DoctorReport } from "../schema/doctor.ts";
import { examine } from "../service/maintenance/examine.ts";

export const examineRoute = route({
  method: "GET",
  path: "/provisioning/doctor",
  operationId: "examineDeployment",
  summary: "Look for what is wrong, and say what mends it",
  scope: "provisioning:admin",
  response: { status: 200, description: "Every check, whatever it found", schema: DoctorReport },
  problems: [],
  async handle({ context, caller }) {
    return { body: await examine(context, caller) };
  },
});
