/** By target, each file's bytes. */
export function buildTargets(names?: string[]): Promise<Record<string, Record<string, number>>>;
