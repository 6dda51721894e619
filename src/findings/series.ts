import type { Hex } from './finding.ts';

/**
 * How things went over time, in steps of equal length. Each number is the highest value within its step; a series that
 * is shorter than {@link Series.steps} keeps its last value to the end.
 */
export interface Series {
  /** Time of the first mapping, at which the first step begins. */
  readonly startNs: number;
  readonly stepNs: number;
  /** Steps up to the last event. */
  readonly steps: number;
  /** The devices with the most mappings. */
  readonly devices: readonly DeviceSeries[];
  /** The domains with the most mappings. */
  readonly domains: readonly DomainSeries[];
  /** Devices and domains that are not listed. */
  readonly devicesOmitted: number;
  readonly domainsOmitted: number;
}

/** The live mappings of one device. */
export interface DeviceSeries {
  /** Absent for mappings whose device no event named. */
  readonly device?: string;
  readonly made: number;
  /** Mappings alive at the end. */
  readonly live: number;
  readonly mappings: readonly number[];
  readonly bytes: readonly number[];
}

/** What was mapped where in the IOVA space of one domain. */
export interface DomainSeries {
  /** Absent where the source does not tell domains apart. */
  readonly domain?: string;
  readonly devices: readonly string[];
  readonly made: number;
  /** IOVA space that one row stands for. */
  readonly rowBytes: number;
  /** The parts of the space that were ever mapped, in ascending order. */
  readonly rows: readonly IovaRow[];
}

export interface IovaRow {
  readonly iova: Hex;
  /** Pairs: from this step on, at most so many bytes of the row were mapped at once. */
  readonly mapped: readonly (readonly [step: number, bytes: number])[];
}
