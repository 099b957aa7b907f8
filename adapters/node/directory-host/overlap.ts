/**
 * A path by which two spellings meet that some file system takes for one: case, Unicode's compositions, and characters
 * that show nothing. On a file system that tells them apart one of two look-alikes is refused, which costs a name.
 */
export const foldedPath = (path: string): string =>
  isAscii.test(path)
    ? path.toLowerCase()
    : path
        .normalize("NFKC")
        .replace(/\p{Default_Ignorable_Code_Point}/gu, "")
        // Upper case first: only it spells `ß` as the `ss` that it equals.
        .toUpperCase()
        .toLowerCase()
        .normalize("NFKC");

const isAscii = /^[\x20-\x7e]*$/;

/** Whether an absolute path is the directory, or lies in it. */
export const isInOrAt = (path: string, directory: string): boolean =>
  `${foldedPath(path)}/`.startsWith(`${foldedPath(directory)}/`);

/** Whether one path is the other, or lies in it. */
export const overlap = (one: string, other: string): boolean => isInOrAt(one, other) || isInOrAt(other, one);

/** The owner of each directory, found by any path that overlaps it, however many there are. */
export interface HeldPaths {
  add(path: string, holder: string): void;
  drop(path: string, holder: string): void;
  overlapping(path: string): string[];
}

/** A look takes as long as the path has segments, however many directories are held. */
export function createHeldPaths(): HeldPaths {
  /** Those who hold a folded path, and those who hold something in it. */
  const at = new Map<string, Set<string>>();
  const below = new Map<string, Set<string>>();

  const put = (index: typeof at, path: string, holder: string) => {
    const holders = index.get(path);
    if (holders) holders.add(holder);
    else index.set(path, new Set([holder]));
  };
  const take = (index: typeof at, path: string, holder: string) => {
    const holders = index.get(path);
    if (holders?.delete(holder) && holders.size === 0) index.delete(path);
  };

  return {
    add(path, holder) {
      const [own, ...above] = upwards(foldedPath(path));
      put(at, own!, holder);
      for (const one of above) put(below, one, holder);
    },
    drop(path, holder) {
      const [own, ...above] = upwards(foldedPath(path));
      take(at, own!, holder);
      for (const one of above) take(below, one, holder);
    },
    overlapping(path) {
      const all = upwards(foldedPath(path));
      return [...new Set([...(below.get(all[0]!) ?? []), ...all.flatMap((one) => [...(at.get(one) ?? [])])])];
    },
  };
}

/** The path and every directory above it, but for `/`. */
function upwards(path: string): string[] {
  const all: string[] = [];
  for (let at = path; at !== ""; at = at.slice(0, at.lastIndexOf("/"))) all.push(at);
  return all;
}
