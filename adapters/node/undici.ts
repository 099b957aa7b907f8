/**
 * What is used of undici, for those who import it late: in a bundle of parts a CommonJS package that is imported by
 * itself has a default export alone.
 */
export { Agent, EnvHttpProxyAgent, fetch, Pool, request } from "undici";
