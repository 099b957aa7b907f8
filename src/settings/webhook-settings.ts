import * as z from "zod/mini";
import { isAllowEntry } from "../domain/webhook-address.ts";
import { WebhookSetting } from "../schema/webhook.ts";

export const WebhookSettings = z.prefault(
  z.strictObject({
    /** Receivers inside the network, which are refused otherwise: `host:port`, or a range of addresses. */
    allow: z._default(
      z.array(
        z
          .string()
          .check(
            z.refine(
              isAllowEntry,
              'must be a host and port, as in "alertmanager.monitoring:9093", or a range, as in "10.0.0.0/8"',
            ),
          ),
      ),
      [],
    ),
    endpoints: z._default(
      z.array(WebhookSetting).check(
        z.maxLength(50),
        z.refine(
          (endpoints) => new Set(endpoints.map(({ url }) => url)).size === endpoints.length,
          "must not name one url twice",
        ),
      ),
      [],
    ),
    /** Percent of a quota at which `quota.threshold_reached` is told. */
    thresholds: z._default(z.array(z.int().check(z.minimum(1), z.maximum(99))).check(z.maxLength(4)), [80]),
  }),
  {},
);
