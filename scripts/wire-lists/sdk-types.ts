import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  API,
  type Checker,
  type Symbol as Declaration,
  SymbolFlags,
  type Type,
  TypeFlags,
} from "typescript/unstable/sync";

/**
 * An object type's fields and what each may hold: names of object types, `string`, `any`, with `[]` behind the items
 * of a list; for `type`, which says what an object is, its literals in quotes. A map of any names has the field `*`.
 */
type ObjectFields = Record<string, string[]>;

export interface WireList {
  package: string;
  version: string;
  /** The object types that each metered endpoint takes. */
  endpoints: Record<string, string[]>;
  /** Values of the header that turns on what is not yet for everybody. */
  betas: string[];
  types: Record<string, ObjectFields>;
}

type Declared = readonly [file: string, type: string];

/** The types in which an SDK declares what its metered endpoints take. A type may be one of a type's fields: `Type.field`. */
export interface SdkSource {
  package: string;
  /** Declaration files are below the package. */
  endpoints: Record<string, readonly Declared[]>;
  /** Types whose literals are the values of the beta header. */
  betas: readonly Declared[];
}

/** @param directory the installed package */
export function readSdkTypes(source: SdkSource, directory: string): WireList {
  const { version } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as { version: string };
  const declared = [...Object.values(source.endpoints).flat(), ...source.betas];
  const files = [...new Set(declared.map(([file]) => join(directory, file)))];
  // A project of these files alone, which stands on no disk.
  const config = join(directory, "wire-lists.tsconfig.json");
  const compilerOptions = {
    strict: true,
    types: [],
    skipLibCheck: true,
    module: "preserve",
    moduleResolution: "bundler",
  };
  const api = new API({
    cwd: directory,
    fs: {
      readFile: (name) => (name === config ? JSON.stringify({ compilerOptions, files }) : undefined),
      fileExists: (name) => (name === config ? true : undefined),
    },
  });
  try {
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
    if (!project) throw new Error(`no project for ${source.package}`);
    const { checker, program } = project;
    const typeOf = ([file, path]: Declared): Type => {
      const [name, field] = path.split(".");
      const module = program.getSourceFile(join(directory, file));
      const exports = module && checker.getSymbolAtLocation(module);
      const symbol = exports && checker.getExportsOfModule(exports).find((one) => one.name === name);
      if (!symbol) throw new Error(`${source.package} no longer exports ${name} from ${file}`);
      const type = checker.getDeclaredTypeOfSymbol(
        symbol.flags & SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
      );
      const property = field === undefined ? undefined : checker.getPropertyOfType(type, field);
      if (field !== undefined && !property) throw new Error(`${source.package} no longer has ${path}`);
      return property ? checker.getTypeOfSymbol(property)! : type;
    };
    const reader = createTypeReader(checker);
    const endpoints = Object.fromEntries(
      Object.entries(source.endpoints).map(([endpoint, types]) => [
        endpoint,
        types.flatMap((one) => reader.valuesOf(typeOf(one), one[1])),
      ]),
    );
    const betas = source.betas
      .flatMap((one) => reader.valuesOf(typeOf(one), one[1]))
      .map((one) => one.replace(/\[\]$/, ""))
      .filter((one) => one[0] === '"');
    return {
      package: source.package,
      version,
      endpoints,
      betas: [...new Set(betas.map((value) => JSON.parse(value) as string))].sort(),
      types: Object.fromEntries(Object.entries(reader.types).sort(([a], [b]) => (a < b ? -1 : 1))),
    };
  } finally {
    api.close();
  }
}

function createTypeReader(checker: Checker) {
  const types: Record<string, ObjectFields> = {};
  const nameOfType = new Map<number, string>();

  /** @param path says where an unnamed type stands */
  function valuesOf(type: Type, path: string): string[] {
    const values = new Set<string>();
    for (const part of type.isUnionType() ? type.getTypes() : [type])
      for (const one of singleValues(part, path)) values.add(one);
    return [...values].sort();
  }

  function singleValues(type: Type, path: string): string[] {
    if (type.isStringLiteralType() || type.isNumberLiteralType()) return [JSON.stringify(type.value)];
    if (type.flags & (TypeFlags.Null | TypeFlags.Undefined)) return [];
    if (type.flags & TypeFlags.BooleanLike) return ["boolean"];
    if (type.flags & TypeFlags.StringLike) return ["string"];
    if (type.flags & TypeFlags.NumberLike) return ["number"];
    if (type.flags & (TypeFlags.Any | TypeFlags.Unknown)) return ["any"];
    if (type.isUnionType()) return valuesOf(type, path);
    if (checker.isArrayLikeType(type)) {
      const [item] = type.isTypeReference() ? checker.getTypeArguments(type) : [];
      return item ? valuesOf(item, path).map((value) => `${value}[]`) : ["any[]"];
    }
    const properties = checker.getPropertiesOfType(type);
    // `string & {}` is how a type says that it knows of some of the strings.
    if (type.isIntersectionType() && type.getTypes().some((one) => one.flags & TypeFlags.String)) return ["string"];
    if (properties.length === 0 && checker.getIndexInfosOfType(type).length === 0) return ["any"];
    return [objectType(type, properties, path)];
  }

  function objectType(type: Type, properties: readonly Declaration[], path: string): string {
    const known = nameOfType.get(type.id);
    if (known !== undefined) return known;
    const own = (type.getAliasSymbol() ?? type.getSymbol())?.name ?? "__type";
    const tag = properties.find((property) => property.name === "type");
    const tagType = tag && checker.getTypeOfSymbol(tag);
    const unnamed = tagType?.isStringLiteralType() ? `${path}(${tagType.value})` : path;
    let name = own.startsWith("__") || own in types ? unnamed : own;
    // The stable type and the one of the beta often share a name.
    while (name in types) name += "'";
    nameOfType.set(type.id, name);
    const fields: ObjectFields = {};
    types[name] = fields;
    for (const property of properties) {
      const held = checker.getTypeOfSymbol(property);
      // Methods of classes that the SDK sends by their data.
      if (held && checker.getSignaturesOfType(held, 0).length > 0) continue;
      const values = held ? valuesOf(held, `${name}.${property.name}`) : ["any"];
      fields[property.name] = property.name === "type" ? values : withoutLiterals(values);
    }
    for (const { valueType } of checker.getIndexInfosOfType(type)) fields["*"] = valuesOf(valueType, `${name}.*`);
    return name;
  }

  return { types, valuesOf };
}

const withoutLiterals = (values: readonly string[]): string[] => [
  ...new Set(values.map((value) => value.replace(/^("(?:[^"\\]|\\.)*"|[\d.]+)/, "string"))),
];

/** One type a line, so that a change reads as one. */
export function listText({ types, ...head }: WireList): string {
  const lines = Object.entries(types).map(([name, fields]) => `  ${JSON.stringify(name)}: ${JSON.stringify(fields)}`);
  return `${JSON.stringify(head, null, 1).slice(0, -2)},\n "types": {\n${lines.join(",\n")}\n }\n}\n`;
}
