import { momentOn } from '../../application/caching/ages.ts';
import { Gate } from '../../application/caching/gate.ts';
import type { Clock } from '../../domain/ports/runtime.ts';

/** A gate that was opened, and stays open for `boundMs`: for ever, where a test is about something else. */
export const openGate = (clock: Clock, boundMs: number = Number.POSITIVE_INFINITY): Gate => {
  const gate = new Gate({ clock, boundMs, silentBoundMs: 0 });
  for (let check = 0; check < 2; check++) gate.answered(momentOn(clock));
  return gate;
};
