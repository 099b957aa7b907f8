import { createRegistryHost } from "../../src/host/registry-host.ts";
import { testAgentHost } from "./agent-host.ts";

const make = async () => ({ host: createRegistryHost(), workspace: (name: string) => `/home/node/.openclaw/${name}` });

testAgentHost("registry", make, { keepsAgents: false });
