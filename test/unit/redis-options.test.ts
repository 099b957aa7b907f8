import { expect, it } from "vitest";
import { redisOptions } from "../../adapters/node/redis/redis-connection.ts";

it.each([
  ["a command", "READONLY You can't write against a read only replica.", true],
  ["a script", "READONLY You can't write against a read only replica. script: 25704d, on @user_script:5.", true],
  [
    "a script of Redis 6.2",
    "ERR Error running script (call to f_25704d): @user_script:5: @user_script: 5: -READONLY You can't write against a read only replica.",
    true,
  ],
  ["a script's own fault", "ERR user_script:5: attempt to index a nil value", false],
])("a primary that became a replica is left, as it refuses %s", (_, message, isLeft) => {
  expect(redisOptions.reconnectOnError!(new Error(message))).toBe(isLeft);
});
