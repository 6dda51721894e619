import { describe, expect, it } from 'vitest';
import { newMoment } from '../../src/kernel/moment.ts';
import { Devices } from '../../src/shadow/devices.ts';

function at(timeNs: number) {
  return { ...newMoment(), timeNs };
}

describe('devices', () => {
  it('begin unseen: a driver may have been bound before the trace', () => {
    expect(new Devices().get(3)).toMatchObject({ state: 'unseen', driver: 0, generation: 0 });
  });

  it('go from bound over cleaning to unbound, and are of the next generation when bound again', () => {
    const devices = new Devices();
    const device = devices.get(1);
    devices.probe(1, 7);
    expect(device).toMatchObject({ state: 'bound', driver: 7, generation: 1, cleanup: undefined });
    devices.cleanup(at(10), 1);
    expect(device).toMatchObject({ state: 'cleaning', driver: 7, cleanup: { timeNs: 10 } });
    devices.unbound(at(20), 1);
    expect(device).toMatchObject({ state: 'unbound', driver: 7, cleanup: { timeNs: 10 } });
    devices.probe(1, 8);
    expect(device).toMatchObject({ state: 'bound', driver: 8, generation: 2, cleanup: undefined });
    expect(devices.get(2).state).toBe('unseen');
  });

  it('take one probe that two events tell of for one: the second has no driver', () => {
    const devices = new Devices();
    devices.probe(1, 7);
    devices.probe(1, 0);
    expect(devices.get(1)).toMatchObject({ driver: 7, generation: 1 });
  });

  it('are bound by a probe without a driver as well, where no other event tells', () => {
    const devices = new Devices();
    devices.unbound(at(10), 1);
    devices.probe(1, 0);
    expect(devices.get(1)).toMatchObject({ state: 'bound', driver: 0, generation: 1 });
  });

  it('know when the driver left from the end of the unbind, where its beginning was not seen', () => {
    const devices = new Devices();
    const moment = at(10);
    devices.unbound(moment, 1);
    moment.timeNs = 99;
    expect(devices.get(1)).toMatchObject({ state: 'unbound', cleanup: { timeNs: 10 } });
  });
});

describe('a driver that was bound before the trace', () => {
  it('is known by name, and its mappings are of the same generation as before', () => {
    const devices = new Devices();
    devices.found(1, 3);
    expect(devices.get(1)).toMatchObject({ state: 'bound', driver: 3, generation: 0 });
  });

  it('does not come back when the trace has shown what happened since', () => {
    const devices = new Devices();
    devices.unbound(newMoment(), 1);
    devices.found(1, 3);
    expect(devices.get(1)).toMatchObject({ state: 'unbound' });
    devices.probe(2, 4);
    devices.found(2, 3);
    expect(devices.get(2)).toMatchObject({ driver: 4 });
  });
});
