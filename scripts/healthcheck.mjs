// Asks the server of this container whether it is ready, at the address on which it listens.
import { get } from "node:http";

const { OPENCLAW_GATEWAY_HOST = "", OPENCLAW_GATEWAY_PORT: port } = process.env;
const host = OPENCLAW_GATEWAY_HOST.replace(/^\[(.*)\]$/, "$1");
const anywhere = { "": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1" };
// An agent of its own: a proxy from the environment is none for this.
get({ host: anywhere[host] ?? host, port: port || 18789, path: "/readyz", agent: false, timeout: 4_000 }, (answer) =>
  process.exit(answer.statusCode === 200 ? 0 : 1),
)
  .on("timeout", () => process.exit(1))
  .on("error", () => process.exit(1));
