import { invalidInput } from '../../domain/failures.ts';
import {
  parseEmail,
  parsePhone,
  parseUserId,
  parseUsernameKey,
  type UserKey,
} from '../../domain/identifiers.ts';
import type { Issue } from '../../domain/issue.ts';
import { fail, ok } from '../../domain/result.ts';
import type { Parsed } from '../../domain/text.ts';
import type { User } from '../../domain/user.ts';
import type { LookUpUsers } from '../application.ts';
import type { UserDirectory } from '../directories.ts';

export const maxLookUpKeys = 500;

export const lookUpUsers =
  (directory: UserDirectory): LookUpUsers =>
  async (input, freshness) => {
    const { ids = [], emails = [], usernames = [], phones = [] } = input;
    const count = ids.length + emails.length + usernames.length + phones.length;
    if (count > maxLookUpKeys) {
      const detail = `at most ${maxLookUpKeys} keys in all are expected`;
      return fail(invalidInput([{ path: [], code: 'too-many', detail }]));
    }
    const issues: Issue[] = [];
    // In a map, so that a key that was sent twice is looked up once.
    const keys = new Map<string, UserKey>();
    const add = <V>(
      field: string,
      values: readonly unknown[],
      parse: (input: unknown) => Parsed<V>,
      make: (value: V) => UserKey,
    ) => {
      for (const [index, value] of values.entries()) {
        const parsed = parse(value);
        if (!parsed.ok) issues.push({ path: [field, index], ...parsed.error });
        else keys.set(`${field} ${parsed.value}`, make(parsed.value));
      }
    };
    add('ids', ids, parseUserId, (value) => ({ kind: 'id', value }));
    add('emails', emails, parseEmail, (value) => ({ kind: 'email', value }));
    add('usernames', usernames, parseUsernameKey, (value) => ({ kind: 'username', value }));
    add('phones', phones, parsePhone, (value) => ({ kind: 'phone', value }));
    if (issues.length > 0) return fail(invalidInput(issues));

    const asked = [...keys.values()];
    const answers = await directory.findMany(asked, freshness);
    const users = new Map<string, User>();
    for (const user of answers) if (user !== undefined) users.set(user.id, user);
    return ok({
      users: [...users.values()],
      missing: asked.filter((_, index) => answers[index] === undefined),
    });
  };
