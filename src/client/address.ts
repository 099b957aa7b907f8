import { isPlainAddress } from "../domain/plain-address.ts";

const defaultBasePath = "/api/v1";

/** The API's base, without a slash at its end. */
export function apiBase(given: string | URL): string {
  const address = String(given);
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw new TypeError("the address is not a URL: give one such as http://localhost:18789");
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(`the address must begin with http:// or https://, not with ${url.protocol}`);
  }
  if (!isPlainAddress(address)) {
    throw new TypeError(
      "the address must not carry credentials, a query or a fragment, and be written as https://host/path",
    );
  }
  const path = url.pathname.replace(/\/+$/, "");
  return url.origin + (path === "" ? defaultBasePath : path);
}

/** Checked here, because `Headers` quotes the value that it refuses. */
function sendable(secret: string, what: string): string {
  if (!/^[\x21-\x7e]+$/.test(secret)) throw new TypeError(`${what} must be printable ASCII without spaces`);
  return secret;
}

/** The headers of the API for the credentials that are there. */
export function credentialHeaders(credentials: {
  token?: string | undefined;
  provisioningKey?: string | undefined;
  gatewayId?: string | undefined;
}): Record<string, string> {
  const { token, provisioningKey, gatewayId } = credentials;
  return {
    ...(gatewayId === undefined ? {} : { "gateway-id": gatewayId }),
    ...(token === undefined ? {} : { authorization: `Bearer ${sendable(token, "the token")}` }),
    ...(provisioningKey === undefined
      ? {}
      : { "x-agent-provisioning-key": sendable(provisioningKey, "the provisioning key") }),
  };
}
