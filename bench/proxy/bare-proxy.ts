/** The yardstick of a metering proxy: nothing but `node:http` and a keep-alive agent. Argument: the upstream. */
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

const upstream = new URL(process.argv[2]!);
const agent = new Agent({ keepAlive: true, maxSockets: 1024 });

const server = createServer((incoming, outgoing) => {
  const sent = request(
    {
      host: upstream.hostname,
      port: upstream.port,
      method: incoming.method,
      path: incoming.url,
      headers: { ...incoming.headers, host: upstream.host },
      agent,
    },
    (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(outgoing);
    },
  );
  sent.on("error", () => outgoing.destroy());
  incoming.pipe(sent);
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
