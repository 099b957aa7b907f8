import type { MatchLogic } from "@pydantic/genai-prices";

export interface MatchNames {
  is: string[];
  begins: string[];
}

/** The begin of a dated name, or of a version: the table's own rule says what may follow. */
const cutDate = (begin: string): string =>
  begin.replace(/(-20\d\d)?[-@]?$/, "").replace(/^(gemini|ft:)(.*)-0$/, "$1$2");

/**
 * The source's rules as names. One that matches inside a name is read as the begin of one: a new family that has an
 * old one's name in it is not the old one.
 *
 * @throws Error for a rule that cannot be read so
 */
export function matchNames(rule: MatchLogic): MatchNames {
  if ("or" in rule) {
    const all = rule.or.map(matchNames);
    return { is: all.flatMap(({ is }) => is), begins: all.flatMap(({ begins }) => begins) };
  }
  if ("and" in rule) {
    // The second rule takes names out that the table's own rule never lets in.
    const [first, second] = rule.and;
    if (!(first && "starts_with" in first && second && "regex" in second && second.regex.startsWith("^(?!")))
      throw unread(rule);
    return matchNames(first);
  }
  if ("equals" in rule) return { is: [rule.equals], begins: [] };
  if ("ends_with" in rule) return { is: [rule.ends_with], begins: [] };
  if ("regex" in rule) return { is: [], begins: [beginOf(rule.regex, rule)] };
  return { is: [], begins: [cutDate("starts_with" in rule ? rule.starts_with : rule.contains)] };
}

/** The name in `^name-\d{8}$`. */
function beginOf(regex: string, rule: MatchLogic): string {
  const begin = /^\^((?:[a-z0-9~/:-]|\\\.)+?)-(?:\\d|\(\?:)/.exec(regex)?.[1];
  if (begin === undefined) throw unread(rule);
  return begin.replaceAll("\\.", ".");
}

const unread = (rule: MatchLogic): Error => new Error(`a rule that this script does not read: ${JSON.stringify(rule)}`);
