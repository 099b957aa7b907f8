import { testContract } from "./contract.ts";
import { nodeTarget } from "./node-target.ts";

testContract("Node, files, directory host", () => nodeTarget());
