#!/usr/bin/env node
/** `dist/index.js`: says in a line what an older Node would say in a stack, and then runs. */
import { askedToStop } from "./asked-to-stop.ts";

const needed = 24;
const major = Number(process.versions.node.split(".")[0]);
// Process 1 of a container ignores a signal that nobody listens for, and would be killed at the end of its grace.
if (process.pid === 1) void askedToStop();
if (major >= needed) await import("./main.ts");
else {
  process.stderr.write(
    `error: this needs Node ${needed} or later, and is run by Node ${process.versions.node}; in a clone of the repository "npm start" and "npx . provisioning ..." bring their own; elsewhere: npx -p node@${needed} -p openclaw-provisioning openclaw-provisioning serve\n`,
  );
  process.exitCode = 2;
}
