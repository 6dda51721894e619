import { describe, expect, it } from 'vitest';
import { newMoment } from '../../src/kernel/moment.ts';
import { Mappings } from '../../src/shadow/mappings.ts';

function at(timeNs: number) {
  return { ...newMoment(), timeNs, pid: timeNs + 1 };
}

describe('mappings', () => {
  it('are records with ids from 1: 0 is no mapping', () => {
    const mappings = new Mappings();
    const id = mappings.add(at(5), 2, 0x100, 0x500, 16, 3);
    expect(id).toBe(1);
    expect(mappings.frameAt(id, 0x104)).toBe(0x504);
    expect(mappings.madeAt(id)).toEqual(at(5));
    expect(mappings.timeOf(id)).toBe(5);
    expect([mappings.domain[id], mappings.pages[id], mappings.left[id], mappings.prot[id]]).toEqual([
      2, 16, 16, 3,
    ]);
  });

  it('live until their last page is cut, and count their bytes', () => {
    const mappings = new Mappings();
    const id = mappings.add(at(1), 1, 0, 0, 10, 0);
    mappings.add(at(2), 1, 100, 100, 5, 0);
    expect(mappings.cut(id, 4)).toBe(false);
    expect(mappings).toMatchObject({ made: 2, live: 2, liveBytes: 11 * 4096 });
    expect(mappings.cut(id, 6)).toBe(true);
    // Whoever follows the mapping may still read its record before it is released.
    expect(mappings.pages[id]).toBe(10);
    mappings.release(id);
    expect(mappings).toMatchObject({ made: 2, live: 1, liveBytes: 5 * 4096 });
  });

  it('give their id to the next one, which remembers nothing of them', () => {
    const mappings = new Mappings();
    const id = mappings.add(at(1), 1, 0, 0, 1, 0);
    mappings.device[id] = 7;
    mappings.generation[id] = 3;
    mappings.watch(id);
    mappings.cut(id, 1);
    mappings.release(id);
    const next = mappings.add(at(2), 2, 5, 6, 2, 1);
    expect(next).toBe(id);
    expect([mappings.device[id], mappings.generation[id], mappings.watched[id]]).toEqual([0, 0, 0]);
    expect(mappings.timeOf(id)).toBe(2);
    expect(mappings).toMatchObject({ made: 2, live: 1 });
  });

  it('are visited while they live, all of them or those that meet a range of frames', () => {
    const mappings = new Mappings();
    const visited = (frame: number, frames: number): number[] => {
      const ids: number[] = [];
      mappings.forEachMeeting(frame, frames, id => ids.push(id));
      return ids;
    };
    const first = mappings.add(at(1), 1, 0, 100, 10, 0);
    const second = mappings.add(at(1), 1, 50, 105, 10, 0);
    expect(visited(109, 1)).toEqual([first, second]);
    expect(visited(110, 5)).toEqual([second]);
    expect(visited(90, 10)).toEqual([]);
    mappings.cut(first, 10);
    mappings.release(first);
    expect(visited(100, 10)).toEqual([second]);
    const all: number[] = [];
    mappings.forEach(id => {
      all.push(id);
    });
    expect(all).toEqual([second]);
  });

  it('grow beyond the first thousand and keep what they have', () => {
    const mappings = new Mappings();
    for (let i = 1; i <= 5000; i++) mappings.add(at(i), 1, i, 2 * i, 1, 0);
    expect(mappings.live).toBe(5000);
    for (const id of [1, 1023, 1024, 5000]) {
      expect(mappings.frameAt(id, id)).toBe(2 * id);
      expect(mappings.madeAt(id)).toEqual(at(id));
    }
  });
});
