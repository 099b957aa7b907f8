/**
 * The names of undici that late imports need. `import("undici")` itself has a default export alone where a bundle is in
 * parts, since undici is CommonJS.
 */
export { Agent, EnvHttpProxyAgent, fetch, Pool, request } from "undici";
