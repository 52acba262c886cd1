import manifest from '../../package.json' with { type: 'json' };

/** The version of this package. It is written in package.json and nowhere else. */
export const version: string = manifest.version;
