/** What all URLs of servers have in common. */

/** A part of a URL, decoded; `undefined` if that cannot be done. */
export const decodePart = (part: string): string | undefined => {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
};

/** The host as a socket takes it: without the brackets that a URL has around an IPv6 address. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1');
