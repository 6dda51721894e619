import { describe, expect, it } from 'vitest';
import { checkTrace } from '../../../src/index.ts';
import { temporaryFiles } from '../../helpers/play.ts';
import { TEXT_STYLES, textOf } from '../../helpers/trace-text.ts';
import { fixture } from '../../helpers/traces.ts';
import { verdictOf } from '../../helpers/verdict.ts';

const files = temporaryFiles();

/** Between them these have every kind of event; test/traces reads all recordings. */
const RECORDINGS = ['uaf', 'sg_ok', 'pp_leak'];

describe.each(TEXT_STYLES)('text in the style of $name', style => {
  it.each(RECORDINGS)('gives the same findings as the trace.dat of %s', async name => {
    const path = fixture(`sanitizer-kernel/${name}.dat`);
    const binary = await checkTrace(path);
    const text = await checkTrace(files.write(`${name}.txt`, Buffer.from(await textOf(path, style))));
    expect(verdictOf(text)).toEqual(verdictOf(binary));
    expect(text.gaps).toEqual([]);
    const { mappingsMade, pagesAllocated, pagesFreed } = binary.accounting;
    expect(text.accounting).toMatchObject({ mappingsMade, pagesAllocated, pagesFreed });
  });
});
