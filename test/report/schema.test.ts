import { readFileSync } from 'node:fs';
import { Ajv2020, type SchemaObject } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { renderJson } from '../../src/report/json.ts';
import {
  everything,
  incomplete,
  possibleFinding,
  report,
  smallNote,
  unbindLeak,
  useAfterFree,
} from './samples.ts';

const schema: SchemaObject = JSON.parse(
  readFileSync(new URL('../../schema/report.v1.json', import.meta.url), 'utf8'),
);
const validate = new Ajv2020({ strict: true, allErrors: true }).compile(schema);

type Json = string | number | boolean | Json[] | JsonObject;
interface JsonObject {
  [key: string]: Json;
}

/** Every object in `value`, with the path that leads to it. */
function* objects(value: Json, path: (string | number)[] = []): Generator<(string | number)[]> {
  if (typeof value !== 'object') return;
  if (!Array.isArray(value)) yield path;
  for (const [key, inner] of Object.entries(value)) {
    yield* objects(inner, [...path, Array.isArray(value) ? Number(key) : key]);
  }
}

function at(root: Json, path: readonly (string | number)[]): JsonObject {
  return path.reduce<Json>((value, key) => (value as JsonObject)[key] as Json, root) as JsonObject;
}

function parsed(): Json {
  return JSON.parse(renderJson(everything));
}

interface ObjectSchema {
  readonly description: string;
  readonly properties: Readonly<Record<string, { readonly description: string }>>;
}

/** All schemas of objects within a schema. */
function* objectSchemas(within: unknown): Generator<ObjectSchema> {
  if (typeof within !== 'object' || within === null) return;
  if ('additionalProperties' in within) yield within as unknown as ObjectSchema;
  for (const inner of Object.values(within)) yield* objectSchemas(inner);
}

describe('schema/report.v1.json', () => {
  it.each([
    ['a clean report', report([])],
    ['a use-after-free', report([useAfterFree])],
    ['a leak', report([unbindLeak])],
    ['an incomplete trace', report([possibleFinding], incomplete)],
    ['a note without story', report([smallNote])],
    ['every field there is', everything],
  ])('accepts %s', (_, sample) => {
    validate(JSON.parse(renderJson(sample)));
    expect(validate.errors ?? []).toEqual([]);
  });

  it('refuses a field that it does not know, in every object', () => {
    for (const path of objects(parsed())) {
      const changed = parsed();
      at(changed, path)['surprise'] = 1;
      expect(validate(changed), path.join('.')).toBe(false);
    }
  });

  it('refuses another type in the place of any value', () => {
    for (const path of objects(parsed())) {
      for (const key of Object.keys(at(parsed(), path))) {
        const changed = parsed();
        at(changed, path)[key] = [[]];
        expect(validate(changed), [...path, key].join('.')).toBe(false);
      }
    }
  });

  it('demands every field that is not optional', () => {
    const optional = [
      ...['kernel', 'kernelWarnings', 'sinceNs', 'untilNs', 'size', 'module', 'inChunk'],
      ...['line', 'location', 'domain', 'device', 'driver', 'page', 'mapping', 'reachable'],
      ...['baseline', 'suppressed', 'life', 'series'],
    ];
    /** Fields that may be missing in one kind of object only. */
    const optionalIn = (object: JsonObject): readonly string[] => {
      if ('address' in object || 'symbol' in object) return ['address', 'symbol', 'offset'];
      if ('belief' in object) return ['story'];
      if ('omitted' in object) return ['pfn'];
      return [];
    };
    for (const path of objects(parsed())) {
      const original = at(parsed(), path);
      const areAllOptional = path.includes('life') && ['facts', 'belief'].includes(String(path.at(-1)));
      const isSuppression = 'finding' in original;
      for (const key of Object.keys(original)) {
        const changed = parsed();
        delete at(changed, path)[key];
        const mayGo =
          areAllOptional ||
          (optional.includes(key) && !isSuppression) ||
          optionalIn(at(changed, path)).includes(key);
        expect(validate(changed), [...path, key].join('.')).toBe(mayGo);
      }
    }
  });

  it.each<[string, (changed: JsonObject) => void]>([
    ['another version', changed => Object.assign(changed, { schemaVersion: 2 })],
    [
      'a number for an address',
      changed => Object.assign(at(changed, ['findings', 0, 'page']), { pfn: 29_500 }),
    ],
    [
      'an address without 0x',
      changed => Object.assign(at(changed, ['findings', 0, 'mapping']), { iova: 'ffff000' }),
    ],
    ['an unknown severity', changed => Object.assign(at(changed, ['findings', 0]), { severity: 'fatal' })],
    ['a finding that never happened', changed => Object.assign(at(changed, ['findings', 0]), { count: 0 })],
    [
      'a rule that is no id',
      changed => Object.assign(at(changed, ['findings', 0]), { rule: 'Free While Mapped' }),
    ],
    ['an unknown role', changed => Object.assign(at(changed, ['findings', 0, 'story', 0]), { role: 'lost' })],
  ])('refuses %s', (_, change) => {
    const changed = parsed() as JsonObject;
    change(changed);
    expect(validate(changed)).toBe(false);
  });

  it('knows no field that a report cannot have', () => {
    const known = new Set<string>();
    for (const { properties } of objectSchemas(schema))
      for (const key of Object.keys(properties)) known.add(key);
    const root = parsed();
    for (const path of objects(root)) for (const key of Object.keys(at(root, path))) known.delete(key);
    expect([...known]).toEqual([]);
  });

  it('describes every object and every field', () => {
    for (const { properties, description } of objectSchemas(schema)) {
      expect(description).toMatch(/\.$/);
      for (const [key, property] of Object.entries(properties))
        expect(property.description, key).toMatch(/\.$/);
    }
  });
});

describe('docs/json-report.md', () => {
  it('shows a finding that is one', () => {
    const text = readFileSync(new URL('../../docs/json-report.md', import.meta.url), 'utf8');
    const example = /```json\n([\s\S]+?)```/.exec(text)?.[1] ?? '';
    validate({ ...report([]), findings: [JSON.parse(example)] });
    expect(validate.errors ?? []).toEqual([]);
  });

  it('names every field of a report and of a finding', () => {
    const text = readFileSync(new URL('../../docs/json-report.md', import.meta.url), 'utf8');
    for (const { properties } of objectSchemas(schema)) {
      for (const key of Object.keys(properties)) {
        const isCapability = key.startsWith('has');
        if (!isCapability) expect(text).toMatch(new RegExp(`\\b${key}\\b`));
      }
    }
  });
});

describe('renderJson()', () => {
  it('writes one object for a trace and an array for several', () => {
    const one = report([useAfterFree]);
    expect(JSON.parse(renderJson(one))).toEqual(one);
    expect(JSON.parse(renderJson([one, everything]))).toEqual([one, everything]);
    expect(renderJson(one)).toMatch(/^\{\n {2}"schemaVersion": 1,\n/);
    expect(renderJson(one)).toMatch(/\n\}\n$/);
  });

  it('escapes what could command a terminal, and nothing is lost by it', () => {
    const odd = report([], { notes: ['\x1b[2J \u009b31m \u202e \n é'] });
    const text = renderJson(odd);
    expect(text).toContain('\\u001b[2J \\u009b31m \\u202e \\n é');
    expect(JSON.parse(text)).toEqual(odd);
  });
});
