import type { IncidentHandle } from '../findings/incident.ts';
import type { Rule } from '../findings/rule.ts';
import { IOMMU_PROT_READ, IOMMU_PROT_WRITE } from '../kernel/dma.ts';
import { formatDuration } from '../kernel/duration.ts';
import { PROT_UNKNOWN, UNKNOWN } from '../kernel/events.ts';
import { copyMoment, type Moment } from '../kernel/moment.ts';
import { FRAME_SIZE, frameOf, hex } from '../kernel/units.ts';
import type { FormerMapping } from '../shadow/former-mappings.ts';
import type { Check, CheckContext, CheckDefinition } from './check.ts';
import { ownerOf, ownerWords, pageRef } from './describe.ts';

const rule: Rule = {
  id: 'fault-after-unmap',
  severity: 'error',
  title: 'a device accessed an IOVA after it was unmapped, and the IOMMU refused',
  needs: ['hasFaults'],
  advice: [
    'The device was still at work on the buffer: stop it, or wait for its completion, before the unmap.',
    'Is an old descriptor still in a ring, or was a command aborted without a reset of the device?',
    'In lazy mode the IOTLB hides such accesses for some milliseconds: then they reach memory of somebody else.',
  ],
};

/** Mappings whose faults are told apart; a device that storms has no more to say. */
const MAPPINGS_TOLD = 4096;

interface LastFault {
  readonly device: number;
  readonly page: number;
  readonly noted: number;
  handle: IncidentHandle | undefined;
}

/** Joins what the IOMMU says with what was mapped there: it knows the address, but not whose it was. */
export const faultAfterUnmap: CheckDefinition = {
  rule,
  create(context: CheckContext): Check {
    const { shadow } = context;
    const { former } = shadow;
    const told = new Map<number, IncidentHandle>();
    let last: LastFault = { device: -1, page: -1, noted: -1, handle: undefined };

    /** A live mapping of the device, or of one that is not known, at an IOVA page; 0 for none. */
    const liveAt = (device: number, page: number): number => {
      for (const domain of shadow.tables.domains()) {
        const id = shadow.tables.get(domain, page);
        if (id !== 0 && mayBe(device, shadow.deviceOf(id))) return id;
      }
      return 0;
    };

    /** Whether a live mapping allows the access: then it was refused before the mapping was made. */
    const allows = (id: number, isWrite: number): boolean => {
      const prot = shadow.mappings.prot[id] as number;
      if (prot === PROT_UNKNOWN || isWrite < 0) return false;
      return (prot & (isWrite === 1 ? IOMMU_PROT_WRITE : IOMMU_PROT_READ)) !== 0;
    };

    /** Whether a fault or a mapping without a name leaves no doubt about whose the mapping was. */
    const isOfOneDevice = (device: number, page: number, owner: number): boolean => {
      if (owner === UNKNOWN) return false;
      return device !== UNKNOWN || former.latest(page, other => other !== owner) === undefined;
    };

    /** Whether the last fault was the same, and nothing was unmapped since: devices repeat what was refused. */
    const isRepeated = (device: number, page: number): boolean =>
      last.device === device && last.page === page && last.noted === former.noted;

    const report = (
      at: Moment,
      device: number,
      iova: number,
      isWrite: number,
      mapping: FormerMapping,
      isSure: boolean,
      slackNs: number,
    ): IncidentHandle => {
      const known = device === UNKNOWN ? mapping.device : device;
      const owner = ownerOf(context, known);
      const phys = (mapping.frame + frameOf(iova) - mapping.iovaPage) * FRAME_SIZE;
      const distance = at.timeNs - mapping.ended.timeNs;
      const isTimed = distance > slackNs;
      const when = `${isTimed ? `${formatDuration(distance)} ` : ''}after it was unmapped`;
      const domain = context.names.domain(mapping.domain);
      return context.findings.report({
        rule,
        certainty: isSure && shadow.isCertainSince(mapping.ended.timeNs) ? 'certain' : 'possible',
        title: `${ownerWords(owner)} ${VERBS[isWrite] ?? 'accessed'} IOVA ${hex(iova)} ${when}`,
        fired: { role: 'fault', at: copyMoment(at) },
        others: [
          { role: 'mapped', at: mapping.made },
          { role: 'unmapped', at: mapping.ended },
        ],
        signatureStacks: [mapping.made.stack, mapping.ended.stack],
        ...owner,
        pages: 1,
        page: pageRef(context, Math.floor(phys / shadow.pageSize)),
        mapping: {
          iova: hex(mapping.iovaPage * FRAME_SIZE),
          phys: hex(mapping.frame * FRAME_SIZE),
          sizeBytes: mapping.pages * FRAME_SIZE,
          ...(domain === undefined ? {} : { domain }),
          ...(owner.device === undefined ? {} : { device: owner.device }),
        },
        facts: [
          { name: 'Refused', value: `${ACCESSES[isWrite] ?? 'an access'} at IOVA ${hex(iova)}` },
          ...(isTimed || slackNs === 0 ? [] : [ANOTHER_CLOCK]),
        ],
      });
    };

    return {
      ioPageFault(at, device, iova, isWrite, slackNs = 0): void {
        const page = frameOf(iova);
        if (isRepeated(device, page)) {
          last.handle?.echo('fault', at);
          return;
        }
        last = { device, page, noted: former.noted, handle: undefined };
        const mapping = former.latest(page, owner => mayBe(device, owner));
        if (!mapping) return;
        const live = liveAt(device, page);
        // The clock of a log may differ: a mapping made within its slack may have come after the fault.
        const isNew = live !== 0 && at.timeNs - shadow.mappings.timeOf(live) <= slackNs;
        if (live !== 0 && !isNew && !allows(live, isWrite)) return;
        last.handle = told.get(mapping.sequence);
        if (last.handle) {
          last.handle.echo('fault', at);
          return;
        }
        const isAfter = slackNs === 0 || at.timeNs - mapping.ended.timeNs > slackNs;
        const isSure = isAfter && live === 0 && isOfOneDevice(device, page, mapping.device);
        last.handle = report(at, device, iova, isWrite, mapping, isSure, slackNs);
        if (told.size < MAPPINGS_TOLD) told.set(mapping.sequence, last.handle);
      },
    };
  },
};

/** What a reader must know of a fault whose time is not that of the trace. */
const ANOTHER_CLOCK = {
  name: 'Clock',
  value: 'the log has another clock than the trace: which of the two came first is assumed',
} as const;

/** By what a fault says of its direction: 0 for a read, 1 for a write. */
const VERBS: Readonly<Record<number, string>> = { 0: 'read', 1: 'wrote to' };
const ACCESSES: Readonly<Record<number, string>> = { 0: 'a read', 1: 'a write' };

/** Whether a fault of `device` may concern a mapping of `owner`; either may be unknown. */
function mayBe(device: number, owner: number): boolean {
  return device === owner || device === UNKNOWN || owner === UNKNOWN;
}
