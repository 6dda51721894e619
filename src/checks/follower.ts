import type { KernelEvents } from '../kernel/events.ts';
import type { ShadowChanges } from '../shadow/changes.ts';

/**
 * Somebody who watches and does not judge: told of each event after the shadow has believed it, and of the changes of
 * the shadow while it does. An object literal: its methods are taken as they are.
 */
export type Follower = Partial<KernelEvents> & Partial<ShadowChanges>;
