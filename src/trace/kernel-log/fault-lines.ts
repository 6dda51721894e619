/** An access that an IOMMU refused, as the kernel's log tells it. */
export interface LoggedFault {
  /** `0000:00:04.0`; `undefined` where the line names none. */
  readonly device: string | undefined;
  /** As far as a float64 has it: page numbers are exact. */
  readonly iova: number;
  /** -1 where the line does not say. */
  readonly isWrite: -1 | 0 | 1;
}

/** A {@link LoggedFault} and whatever the caller said of when its line came. */
export interface FaultAt<When> {
  readonly fault: LoggedFault;
  readonly when: When;
}

/**
 * VT-d, drivers/iommu/intel/dmar.c: `DMAR: [DMA Write NO_PASID] Request device [0000:00:04.0] fault addr 0xffff000`.
 * Before Linux 5.14 the address has no `0x`, and a PASID stands between device and address.
 */
const VT_D = /\[DMA (Read|Write)[^\]]*\] Request device \[([0-9a-f:.]+)\].*? fault addr (?:0x)?([0-9a-f]+)/i;

/**
 * AMD-Vi, drivers/iommu/amd/iommu.c: the device stands in the brackets or, printed by its driver's name, before them:
 * `nvme 0000:01:00.0: AMD-Vi: Event logged [IO_PAGE_FAULT domain=0x000b address=0xfffe0000 flags=0x0020]`.
 */
const AMD_VI =
  /IO_PAGE_FAULT (?:device=([0-9a-f:.]+) )?domain=0x[0-9a-f]+ address=(?:0x)?([0-9a-f]+) flags=(?:0x)?([0-9a-f]+)/i;
const AMD_DEVICE = /([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]): AMD-Vi:/i;
/** `I`, `PR` and `RW` of the event's flags: an interrupt; the entry was present; a write, which only a present entry tells. */
const AMD_INTERRUPT = 0x8;
const AMD_PRESENT = 0x10;
const AMD_WRITE = 0x20;

/** SMMUv2, drivers/iommu/arm/arm-smmu/arm-smmu.c; it names a context bank and no device. */
const SMMU_V2 = /Unhandled context fault: fsr=0x[0-9a-f]+, iova=0x([0-9a-f]+), fsynr=0x([0-9a-f]+)/i;
/** `WNR` of FSYNR0: write, not read. */
const FSYNR_WRITE = 0x10;

/** SMMUv3, drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.c: a raw event in five lines and, since Linux 6.15, its meaning. */
const SMMU_V3_RAW = /arm-smmu-v3 (\S+): event 0x(1[0-3]) received:/i;
const SMMU_V3_WORD = /arm-smmu-v3 (\S+):\s+0x([0-9a-f]{16})\s*$/i;
const SMMU_V3_EVENT =
  /arm-smmu-v3 (\S+): event: F_\S+ client: (.+?) sid: 0x[0-9a-f]+ ssid: 0x[0-9a-f]+ iova: 0x([0-9a-f]+)/i;
/** `RnW` of the second word, bit 35: bit 3 of its upper half. */
const SMMU_V3_READ_IN_UPPER = 0x8;
const SMMU_V3_WORDS = 4;

/** What every wording has one of: lines without are passed over at once. */
const CONCERNS_FAULTS = /fault|arm-smmu-v3/i;

/** A raw event of SMMUv3 of which not all lines have come, or whose meaning may follow. */
interface RawEvent<When> {
  readonly smmu: string;
  readonly when: When;
  readonly words: string[];
}

/** Finds the faults in a kernel's log, line by line. */
export class FaultLines<When> {
  private raw: RawEvent<When> | undefined;

  /**
   * @param when called for lines that tell of a fault
   * @returns the faults that this line completes: more than one where a raw event was waiting for its meaning
   */
  accept(line: string, when: () => When): FaultAt<When>[] {
    if (!CONCERNS_FAULTS.test(line)) return [];
    const word = SMMU_V3_WORD.exec(line);
    if (word) {
      const { raw } = this;
      if (raw?.smmu === word[1] && raw && raw.words.length < SMMU_V3_WORDS) raw.words.push(word[2] as string);
      return [];
    }
    const event = SMMU_V3_EVENT.exec(line);
    if (event) return this.decoded(event, when);
    const waiting = this.finish();
    const start = SMMU_V3_RAW.exec(line);
    if (start) {
      this.raw = { smmu: start[1] as string, when: when(), words: [] };
      return waiting;
    }
    const fault = vtd(line) ?? amdVi(line) ?? smmuV2(line);
    return fault ? [...waiting, { fault, when: when() }] : waiting;
  }

  /** The log is at its end: a raw event that waited for its meaning is told without. */
  finish(): FaultAt<When>[] {
    const { raw } = this;
    this.raw = undefined;
    const address = raw?.words[2];
    if (!raw || address === undefined) return [];
    return [
      {
        fault: { device: undefined, iova: Number.parseInt(address, 16), isWrite: isWriteOf(raw) },
        when: raw.when,
      },
    ];
  }

  /** The meaning of a raw event that came before: it also names the device. */
  private decoded([, smmu, client, iova]: RegExpExecArray, when: () => When): FaultAt<When>[] {
    const { raw } = this;
    const isOfRaw = raw?.smmu === smmu && raw !== undefined;
    const before = isOfRaw ? [] : this.finish();
    this.raw = undefined;
    const fault: LoggedFault = {
      device: client?.startsWith('(') ? undefined : client,
      iova: Number.parseInt(iova as string, 16),
      isWrite: isOfRaw ? isWriteOf(raw) : -1,
    };
    return [...before, { fault, when: isOfRaw ? raw.when : when() }];
  }
}

function isWriteOf({ words }: RawEvent<unknown>): LoggedFault['isWrite'] {
  const upper = Number.parseInt(words[1]?.slice(0, 8) ?? '', 16);
  if (Number.isNaN(upper)) return -1;
  return upper & SMMU_V3_READ_IN_UPPER ? 0 : 1;
}

function vtd(line: string): LoggedFault | undefined {
  const [, access, device, address] = VT_D.exec(line) ?? [];
  if (device === undefined || address === undefined) return undefined;
  return {
    device: withSegment(device),
    iova: Number.parseInt(address, 16),
    isWrite: access?.toLowerCase() === 'write' ? 1 : 0,
  };
}

function amdVi(line: string): LoggedFault | undefined {
  const [, inBrackets, address, flagText] = AMD_VI.exec(line) ?? [];
  if (address === undefined || flagText === undefined) return undefined;
  const flags = Number.parseInt(flagText, 16);
  if (flags & AMD_INTERRUPT) return undefined;
  const device = inBrackets ?? AMD_DEVICE.exec(line)?.[1];
  return {
    device: device === undefined ? undefined : withSegment(device),
    iova: Number.parseInt(address, 16),
    isWrite: flags & AMD_PRESENT ? (flags & AMD_WRITE ? 1 : 0) : -1,
  };
}

function smmuV2(line: string): LoggedFault | undefined {
  const [, address, fsynr] = SMMU_V2.exec(line) ?? [];
  if (address === undefined || fsynr === undefined) return undefined;
  return {
    device: undefined,
    iova: Number.parseInt(address, 16),
    isWrite: Number.parseInt(fsynr, 16) & FSYNR_WRITE ? 1 : 0,
  };
}

/** `00:04.0` as `dev_name()` has it: older kernels leave the PCI segment out, which nearly always is 0. */
function withSegment(device: string): string {
  return /^[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/i.test(device) ? `0000:${device.toLowerCase()}` : device;
}
