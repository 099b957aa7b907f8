import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createServer } from "node:tls";

/** A CA of which no Node knows, and a certificate that it signed for a name. */
export function makePrivateCa(directory: string, name: string): { caFile: string; key: string; cert: string } {
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...newKey, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Example CA", "-days", "2");
  openssl("req", ...newKey, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", `/CN=${name}`);
  writeFileSync(join(directory, "names"), `subjectAltName=DNS:${name}`);
  const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"];
  openssl("x509", "-req", "-in", "leaf.csr", "-out", "leaf.pem", ...signed);
  const text = (file: string) => readFileSync(join(directory, file), "utf8");
  return { caFile: join(directory, "ca.pem"), key: text("leaf.key"), cert: text("leaf.pem") + text("ca.pem") };
}

/** TLS before a server that has none. */
export async function startTlsFront(origin: string, secrets: { key: string; cert: string }) {
  const target = new URL(origin);
  const sockets = new Set<Socket>();
  const server = createServer(secrets, (socket) => {
    const onward = connect(Number(target.port), target.hostname);
    socket.pipe(onward).pipe(socket);
    for (const one of [socket, onward]) {
      sockets.add(one);
      one.on("error", () => {
        socket.destroy();
        onward.destroy();
      });
    }
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    origin: `https://127.0.0.1:${port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
