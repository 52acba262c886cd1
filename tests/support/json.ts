/** The text at a path inside JSON. */
export const at = (json: unknown, ...path: readonly string[]): string => {
  let value = json;
  for (const step of path) {
    value =
      typeof value === 'object' && value !== null
        ? Object.entries(value).find(([name]) => name === step)?.[1]
        : undefined;
  }
  if (typeof value !== 'string') throw new Error(`no text at ${path.join('.')}`);
  return value;
};
