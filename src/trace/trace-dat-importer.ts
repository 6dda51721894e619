import { isTraceDat } from './dat/magic.ts';
import { readTraceDat } from './dat/open.ts';
import type { Importer } from './importer.ts';
import { latencySource } from './latency-source.ts';
import { TraceSource } from './trace-source.ts';

/** trace.dat among the forms of input. */
export const traceDatImporter: Importer = {
  name: 'a trace.dat',
  matches: isTraceDat,
  async open(input) {
    const file = await input.file();
    try {
      const trace = await readTraceDat(file);
      const damage = input.damage();
      if (damage) trace.gaps.push({ offset: file.size, message: damage.problem });
      return trace.text
        ? latencySource(trace, trace.text, input.container)
        : TraceSource.of(trace, input.container);
    } catch (error) {
      file.close();
      throw input.damage() ?? error;
    }
  },
};
