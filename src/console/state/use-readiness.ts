import { useEffect, useState } from "preact/hooks";
import { t } from "../texts.ts";
import { serverRoot } from "./api.ts";

interface Readiness {
  ready: boolean;
  detail: string;
}

const everyMs = 10_000;

/**
 * The answer of `/readyz`. `undefined` where this server does not answer there, as inside an OpenClaw gateway: the
 * answer there is the gateway's own.
 */
export function useReadiness(): Readiness | undefined {
  const [state, setState] = useState<Readiness>();
  useEffect(() => {
    const look = async () => setState(await readiness());
    void look();
    const timer = setInterval(look, everyMs);
    return () => clearInterval(timer);
  }, []);
  return state;
}

async function readiness(): Promise<Readiness | undefined> {
  const signal = AbortSignal.timeout(everyMs);
  const response = await fetch(`${serverRoot()}/readyz`, { credentials: "omit", cache: "no-store", signal }).catch(
    () => undefined,
  );
  if (!response) return { ready: false, detail: t.health.silent };
  try {
    const body: unknown = await response.json();
    if (typeof body !== "object" || body === null) return undefined;
    if ("status" in body && body.status === "ready") return { ready: true, detail: "" };
    return "detail" in body ? { ready: false, detail: String(body.detail) } : undefined;
  } catch {
    return undefined;
  }
}
