import { z } from 'zod';

/** A JSON Schema (2020-12) as plain JSON. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** The schema of what a client sends (`input`) or gets (`output`), without references. */
export const toJsonSchema = (schema: z.ZodType, side: 'input' | 'output' = 'input'): JsonSchema => {
  const { $schema: _, ...plain } = z.toJSONSchema(schema, { io: side });
  return plain;
};

/** Schemas by name, referring to one another as `#/components/schemas/<name>`. */
export const toNamedJsonSchemas = (
  schemas: Readonly<Record<string, z.ZodType>>,
): Readonly<Record<string, JsonSchema>> => {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  const named = z.toJSONSchema(registry, { uri: schemaReference });
  return Object.fromEntries(
    Object.entries(named.schemas).map(([name, { $schema: _, $id: __, ...schema }]) => [name, schema]),
  );
};

export const schemaReference = (name: string): string => `#/components/schemas/${name}`;

/** The properties of an object's schema, each with whether it is required. */
export const propertiesOf = (
  schema: JsonSchema,
): readonly { name: string; schema: JsonSchema; required: boolean }[] => {
  const required: readonly unknown[] = Array.isArray(schema['required']) ? schema['required'] : [];
  return Object.entries(record(schema['properties'])).map(([name, property]) => ({
    name,
    schema: record(property),
    required: required.includes(name),
  }));
};

const record = (value: unknown): JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
