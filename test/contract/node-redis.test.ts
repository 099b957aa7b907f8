import { describe } from "vitest";
import { hasRedis } from "../redis-server.ts";
import { testContract } from "./contract.ts";
import { redisTarget } from "./redis-target.ts";

describe.skipIf(!hasRedis)("several instances", () =>
  testContract("Node, two processes on one Redis, directory host", () => redisTarget()),
);
