import { type Sample, sampleContact, samplesOf, sampleUser } from '../../contracts/records.ts';
import { contactId, userId } from '../../support/fixtures.ts';

/** A record of every kind, the same in every run. */
export const goldenSamples = (): readonly Sample[] => {
  const user = { ...sampleUser(userId(1), 3), phone: null, bio: 'سلام \u{1F9EE} "x"', isVerified: true };
  return samplesOf({
    user,
    phone: '+12025550123',
    contact: sampleContact(contactId(1), user.id),
    generation: 'a-generation',
    page: {
      total: 41,
      skip: null,
      after: { createdAtMs: 1767323045679, id: contactId(2) },
      limit: 20,
      next: { createdAtMs: 1767323045678, id: contactId(1) },
    },
  });
};
