import { testContract } from "./contract.ts";
import { workersTarget } from "./workers-target.ts";

testContract("Node, two worker processes on files", () => workersTarget());
