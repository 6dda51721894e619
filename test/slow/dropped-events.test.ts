import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type TakenApart, takeApart, writeWithout } from '../helpers/drop-events.ts';
import { incidentsOf, type SeenIncident } from '../helpers/incidents.ts';
import { temporaryFiles } from '../helpers/play.ts';
import { fixture } from '../helpers/traces.ts';

const files = temporaryFiles();

/** Random drops of each recording. */
const DROPS = 1000;

/** Of a hundred records one is dropped. */
const SHARE = 0.01;

describe.each(['fuzz-1', 'fuzz-3'])('%s without one in a hundred of its events', name => {
  let whole: TakenApart;
  let known: ReadonlySet<string>;

  beforeAll(async () => {
    const path = fixture(`sanitizer-kernel/${name}.dat`);
    whole = await takeApart(path);
    known = new Set((await incidentsOf(path)).map(identity));
  });

  it('says the same when nothing is dropped', async () => {
    const path = files.path('whole.dat');
    await writeWithout(whole, new Set(), 'counted', path);
    const again = await incidentsOf(path);
    expect(new Set(again.map(identity))).toEqual(known);
    expect(again.filter(({ certainty }) => certainty === 'certain').length).toBeGreaterThan(5);
  });

  it('says nothing for certain that the whole trace does not say', async () => {
    const count = Math.round(whole.records.length * SHARE);
    const drops = fc.uniqueArray(fc.nat(whole.records.length - 1), { minLength: count, maxLength: count });
    let certain = 0;
    let possible = 0;
    await fc.assert(
      fc.asyncProperty(
        drops,
        fc.constantFrom('counted' as const, 'uncounted' as const),
        async (indices, marking) => {
          const path = files.path('dropped.dat');
          await writeWithout(whole, new Set(indices), marking, path);
          const incidents = await incidentsOf(path);
          const wrong = incidents.filter(
            incident =>
              !incident.isEcho && incident.certainty === 'certain' && !known.has(identity(incident)),
          );
          certain += incidents.filter(incident => incident.certainty === 'certain').length;
          possible += incidents.filter(incident => incident.certainty === 'possible').length;
          expect(wrong).toEqual([]);
        },
      ),
      { numRuns: DROPS },
    );
    // The property could hold because nothing is ever certain.
    expect(certain / DROPS).toBeGreaterThan(1);
    expect(possible / DROPS).toBeGreaterThan(1);
  }, 300_000);
});

function identity({ rule, timeNs, cpu }: SeenIncident): string {
  return `${rule} ${timeNs} ${cpu}`;
}
