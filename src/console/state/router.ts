import { useEffect, useState } from "preact/hooks";
import { isSecretAwaited } from "./secret-shown.ts";

/** All that a page shows follows from this, so that an address can be kept, sent and gone back to. */
export interface Place {
  /** `["agents", "support-eu"]` */
  path: string[];
  query: Record<string, string>;
}

function parsePlace(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  return {
    path: path
      .split("/")
      .filter((part) => part !== "")
      .map(decoded),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a place; what is empty is left out. */
export function addressOf(path: string[], query: Record<string, string | undefined> = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => !!entry[1]);
  const search = new URLSearchParams(given).toString();
  return `#/${path.map(encodeURIComponent).join("/")}${search && `?${search}`}`;
}

/** An agent may be called new, as the form for another one is. */
export const agentAddress = (id: string): string => addressOf(["agents", id, ...(id === "new" ? ["agent"] : [])]);

/** To another place, from which the back button leads here again. */
export const go = (path: string[]): void => {
  location.hash = addressOf(path);
};

/** Another query of the same place, which the back button passes over. */
export function refine(change: Record<string, string | undefined>): void {
  const { path, query } = parsePlace(location.hash);
  history.replaceState(null, "", addressOf(path, { ...query, ...change }));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The place in the address, as it changes. */
export function usePlace(): Place {
  const [place, setPlace] = useState(() => parsePlace(location.hash));
  useEffect(() => {
    let here = location.hash;
    const follow = () => {
      // The back button as well closes nothing that is to show a secret once.
      if (isSecretAwaited()) return history.pushState(null, "", here);
      here = location.hash;
      setPlace(parsePlace(here));
    };
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return place;
}
