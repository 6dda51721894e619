import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { recordingScript } from '../../src/record/script.ts';

/** Whether a shell understands the text; nothing is run. */
function parses(text: string): boolean {
  execFileSync('sh', ['-n'], { input: text });
  return true;
}

describe('the recording script', () => {
  it.each(['minimal', 'default', 'full'] as const)('is a shell script: %s', preset => {
    expect(parses(recordingScript({ preset, devices: [] }))).toBe(true);
  });

  it('tries the ways to learn a fact in the order of the table', () => {
    const text = recordingScript({ preset: 'minimal', devices: [] });
    expect(text).toMatch(/probe entry map iommu_map_nosync [^\n]* \|\|\n\t+probe entry map __iommu_map /);
    expect(text).toContain("'domain=$arg1 iova=$arg2 size=$arg3'");
    expect(text).toContain('if ! is_recorded dma-api; then');
  });

  it('tells of the calls that its own probes have missed', () => {
    const text = recordingScript({ preset: 'default', devices: [] });
    const from = text.indexOf('[ -e kprobe_profile ]');
    const part = text.slice(from, text.indexOf('\ndone < kprobe_profile', from) + '\ndone'.length);
    const told = execFileSync('sh', [], {
      input: `probes='map unmap '; mark() { echo "mark: $*"; }; say() { echo "say: $*"; }\n${part.replace('[ -e kprobe_profile ] && ', '')} << 'END'\n  map   12   3\n  unmap   9   0\n  others   9   7\nEND\n`,
      encoding: 'utf8',
    });
    expect(told).toBe(
      'mark: missed map 3\nsay: the kernel has missed 3 calls at the probe map: what rests on them is only possible.\n',
    );
  });

  it('has its options in it', () => {
    const text = recordingScript({
      preset: 'default',
      stacks: false,
      bufferKib: 2048,
      devices: ['0000:00:04.0', '0000:00:05.0'],
    });
    expect(text).toContain("buffer_kib='2048'");
    expect(text).toContain("devices='0000:00:04.0 0000:00:05.0'");
    expect(text).not.toMatch(/^\s*(event|probe) .* stack /m);
  });
});
