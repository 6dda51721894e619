/** The command was called wrongly; the message is one sentence for the person who called it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
