/** A reason not to start that the person who starts Kith can remove. The message is for that person, and holds no secret. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused';
}
