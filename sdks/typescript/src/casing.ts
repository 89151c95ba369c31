/** Names: snake case on the wire, camel case here. */

type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Next}${infer Rest}`
  ? `${Head}${Uppercase<Next>}${CamelCase<Rest>}`
  : Name;

/** `T` with all its keys in camel case, however deep they are. */
export type CamelCaseKeys<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? CamelCaseKeys<Item>[]
    : T extends Record<string, unknown>
      ? { [Key in keyof T as Key extends string ? CamelCase<Key> : Key]: CamelCaseKeys<T[Key]> }
      : T;

/** Copy *value* with all its keys in camel case. */
export function camelKeys<T>(value: T): CamelCaseKeys<T> {
  return renamed(value, camelCase) as CamelCaseKeys<T>;
}

/** Copy *value* with all its keys in snake case. */
export function snakeKeys(value: unknown): unknown {
  return renamed(value, snakeCase);
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function renamed(value: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [rename(name), renamed(inner, rename)]));
}
