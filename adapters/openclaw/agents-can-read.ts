/** One sentence for the start of the log and for `doctor`. README and docs/openclaw.md have it in more words. */
export const agentsCanRead =
  "an agent with exec on this gateway can read the sealed master keys and the key that they are sealed under, the " +
  "gateway's token and every agent's key: run your own agents here, and others' in the split deployment " +
  "(docker-compose.openclaw.yml)";
