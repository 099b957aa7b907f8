/** Lives until it is killed, as an instance of another machine name that shares a directory; prints its id. */
import { createInstance } from "../../../adapters/node/instance.ts";

const [name = "", directory = ""] = process.argv.slice(2);
const instance = createInstance(name, directory);
process.stdout.write(`${instance.id}\n`);
setInterval(() => instance.id, 1_000);
