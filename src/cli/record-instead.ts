import { dryRunTracefs } from '../record/dry-run.ts';
import { bootParameters, collectFromBoot } from '../record/from-boot.ts';
import { readKernelOffer } from '../record/kernel-offer.ts';
import { contentsOf, findLeftovers, removeLeftover } from '../record/leftovers.ts';
import { missingText } from '../record/markers.ts';
import { recordingScript } from '../record/script.ts';
import { rehearse } from '../record/session.ts';
import { systemFacts } from '../record/system.ts';
import { openTracefs } from '../record/tracefs.ts';
import { formatCount } from '../report/words.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { type Io, write } from './io.ts';
import { type Instead, type RecordCommandOptions, sessionOptions } from './record.ts';

const FROM_BOOT = `Mappings that exist when a recording begins are not known to it. To know all of them, record from boot on: add these
parameters to the kernel command line (in GRUB: GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub), restart, let
happen what is to be seen, and run "iommusan record --collect -o trace.dat".
`;

/** The options of `iommusan record` that do something else than to record. */
export async function recordInstead(what: Instead, options: RecordCommandOptions, io: Io): Promise<ExitCode> {
  switch (what) {
    case 'dryRun':
      await write(io.stdout, dryRun(options));
      break;
    case 'clean':
      await write(io.stdout, clean());
      break;
    case 'script':
      // Made anywhere, for any machine: needs no tracefs.
      await write(io.stdout, recordingScript(sessionOptions(options)));
      break;
    case 'fromBoot': {
      const offer = readKernelOffer(openTracefs(), systemFacts());
      await write(io.stderr, FROM_BOOT);
      await write(io.stdout, `${bootParameters(offer, sessionOptions(options)).join(' ')}\n`);
      break;
    }
    case 'collect': {
      const { events, lost, unreadable } = await collectFromBoot(openTracefs(), options.output);
      await write(
        io.stderr,
        `iommusan: ${options.output}: ${formatCount(events)} events since boot, ${formatCount(lost)} lost.\n`,
      );
      if (unreadable.length > 0) {
        await write(
          io.stderr,
          `iommusan: not readable: ${unreadable.join(', ')}: the kernel made no files for it at this boot. Restart to record again.\n`,
        );
      }
      break;
    }
  }
  return EXIT.clean;
}

function dryRun(options: RecordCommandOptions): string {
  const lines: string[] = [];
  const { missing } = rehearse(
    dryRunTracefs(openTracefs(), command => void lines.push(command)),
    sessionOptions(options),
  );
  const comments = missing.map(fact => `# not recorded: ${missingText(fact)}`);
  return `${[...lines, ...comments].join('\n')}\n`;
}

function clean(): string {
  const tracefs = openTracefs();
  const leftovers = findLeftovers(tracefs);
  for (const leftover of leftovers) removeLeftover(tracefs, leftover);
  if (leftovers.length === 0) return 'nothing is left of any recording\n';
  return leftovers.map(leftover => `removed ${contentsOf(leftover)}\n`).join('');
}
