import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import schema from '../../schema/report.v1.json' with { type: 'json' };
import { type CheckReport, SCHEMA_VERSION } from '../findings/check-report.ts';
import { StoredReportError } from './stored-report-error.ts';

let validator: ValidateFunction<CheckReport> | undefined;

/**
 * Reads what `iommusan check --format json` wrote: one report or an array of them. Fields that a newer iommusan has
 * added are passed over.
 *
 * @throws {@link StoredReportError} that says what is wrong with the text
 */
export function parseStoredReports(text: string, file: string): CheckReport[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new StoredReportError(
      file,
      `no report of iommusan: it is no JSON: ${error instanceof Error ? error.message : error}`,
    );
  }
  return Array.isArray(value) ? value.map(one => reportOf(one, file)) : [reportOf(value, file)];
}

/** Whether a file that begins with these bytes may be a stored report; no trace begins so. */
export function looksLikeJson(beginning: Uint8Array): boolean {
  const text = new TextDecoder('latin1').decode(beginning).trimStart();
  return text.startsWith('{') || text.startsWith('[');
}

function reportOf(value: unknown, file: string): CheckReport {
  const version = isObject(value) ? value['schemaVersion'] : undefined;
  if (typeof version === 'number' && version > SCHEMA_VERSION) {
    throw new StoredReportError(
      file,
      `a report of version ${version}; this iommusan reads version ${SCHEMA_VERSION}. Use a newer one.`,
    );
  }
  validator ??= new Ajv2020({ strict: false }).compile<CheckReport>(tolerant(schema) as object);
  if (validator(value)) return value;
  throw new StoredReportError(
    file,
    `no report of "iommusan check --format json": ${complaint(validator.errors)}.`,
  );
}

/** The schema of this release refuses fields that it does not know; a reader must not. */
function tolerant(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(tolerant);
  if (!isObject(part)) return part;
  return Object.fromEntries(
    Object.entries(part)
      .filter(([key, value]) => key !== 'additionalProperties' || value !== false)
      .map(([key, value]) => [key, tolerant(value)]),
  );
}

function complaint(errors: readonly ErrorObject[] | null | undefined): string {
  const [first] = errors ?? [];
  if (!first) return 'it does not follow the schema';
  return `${first.instancePath === '' ? 'the document' : first.instancePath} ${first.message ?? 'is wrong'}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
