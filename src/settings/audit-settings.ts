import * as z from "zod/mini";

export const AuditSettings = z.prefault(
  z.strictObject({
    /** The file of the trail is closed at this size, and a new one goes on; 0: only by `audit rotate`. */
    rotateBytes: z._default(
      z.int().check(z.refine((bytes) => bytes === 0 || bytes >= 65_536, "must be 0, or at least 65536")),
      268_435_456,
    ),
    /** `"0640"`: the group of the file may read it. */
    mode: z._default(z.enum(["0600", "0640"]), "0600"),
    /** The place where each line goes as well, once it is durable. */
    sink: z.optional(
      z.union([
        z.enum(["stdout", "syslog"]),
        z
          .string()
          .check(
            z.regex(
              /^syslog(\+tcp)?:\/\/([^\s/:@]+|\[[0-9a-fA-F:]+\]):\d{1,5}$/,
              'must be "stdout", "syslog", "syslog://host:port" or "syslog+tcp://host:port"',
            ),
          ),
      ]),
    ),
  }),
  {},
);
