import { describe, expect, it } from 'vitest';
import { checkTrace } from '../../../src/check-trace.ts';
import { EventWriter } from '../../../src/trace/write/event-writer.ts';
import { RingBuffer } from '../../../src/trace/write/ring-buffer.ts';
import { TraceWriter } from '../../../src/trace/write/trace-writer.ts';
import { IOMMU_MAP, PAGE_FREE } from '../../helpers/kernel-events.ts';
import { temporaryFiles } from '../../helpers/play.ts';
import { X86_64 } from '../../helpers/ring-buffer.ts';

const files = temporaryFiles();

/** A page that is freed while it is mapped, behind a gap that is marked, with what the kernel has counted. */
async function verdictWith(marked: number, statistics: string) {
  const path = files.path('losses.dat');
  const writer = await TraceWriter.create(path, {
    formats: [IOMMU_MAP, PAGE_FREE],
    traceClock: '[mono]',
    statistics: [`CPU: 0\n${statistics}`],
  });
  const ring = new RingBuffer(X86_64, (cpu, bytes) => writer.write(0, cpu, bytes));
  if (marked !== 0) ring.cpu(0).lost(marked);
  new EventWriter(IOMMU_MAP.format, X86_64).write(ring.cpu(0), 10, 1, 0, {
    iova: 0x1000,
    paddr: 0x5000,
    size: 4096,
  });
  new EventWriter(PAGE_FREE.format, X86_64).write(ring.cpu(0), 20, 1, 0, { pfn: 5 });
  ring.flush();
  writer.finish();
  const { findings, lost } = await checkTrace(path);
  return { certainty: findings[0]?.certainty, lost: lost.events, windows: lost.windows };
}

describe('what the kernel has counted as lost', () => {
  it('adds nothing to what the pages say', async () => {
    expect(await verdictWith(7, 'overrun: 7\ndropped events: 0\n')).toMatchObject({
      certainty: 'certain',
      lost: 7,
    });
    expect(await verdictWith(-1, 'overrun: 7\ndropped events: 0\n')).toMatchObject({ certainty: 'certain' });
  });

  it('is missing nobody knows where, if the pages do not say so', async () => {
    const unknownTime = {
      certainty: 'possible',
      lost: 7,
      windows: expect.arrayContaining([{ cpu: 0, count: 7 }]),
    };
    expect(await verdictWith(0, 'overrun: 7\ndropped events: 0\n')).toEqual(unknownTime);
    expect(await verdictWith(0, 'overrun: 0\ndropped events: 7\n')).toEqual(unknownTime);
    expect(await verdictWith(3, 'overrun: 7\ndropped events: 0\n')).toMatchObject({
      certainty: 'possible',
      lost: 7,
    });
  });
});
