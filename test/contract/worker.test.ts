import { testContract } from "./contract.ts";
import { workerTarget } from "./worker-target.ts";

testContract("Worker, KV and Durable Objects, registry host", () => workerTarget());
