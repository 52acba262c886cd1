/** A reason not to start that whoever starts Kith can do something about. Its message is for them, and holds no secret. */
export class StartRefused extends Error {
  override readonly name = 'StartRefused';
}
