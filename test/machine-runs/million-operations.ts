import { Machine } from '../../src/machine/machine.ts';
import { Player } from '../../src/machine/random/player.ts';
import { randomProgram } from '../../src/machine/random/program.ts';

// Run by million.test.ts, bundled as the command is: the test runner's own imports cost as much as the machine does.
const machine = new Machine({ iommu: 'vtd', seed: 7, logLimit: 0, memoryBytes: 256 << 20 });
const player = new Player(machine, 2, false);
const program = randomProgram(7, { operations: 1_000_000, cpus: 2, mistakes: 0.01 });
// Time of the processor, not of the wall: others may use the machine meanwhile.
const began = process.cpuUsage();
player.play(program);
const { user, system } = process.cpuUsage(began);
process.stdout.write(JSON.stringify({ seconds: (user + system) / 1e6, events: machine.emission.count }));
