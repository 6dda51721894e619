import type { Finding } from '../findings/finding.ts';
import { capitalized, formatSize } from './words.ts';

/** What a finding is about as names and values: page, mapping, device, driver, and the facts of its rule. */
export function labelsOf(finding: Omit<Finding, 'story' | 'life'>): [name: string, value: string][] {
  const { page, mapping, driver } = finding;
  const device = finding.device ?? mapping?.device;
  const labels: [string, string][] = [];
  if (page !== undefined) labels.push(['Page', `pfn ${page.pfn}, physical address ${page.phys}`]);
  if (mapping !== undefined) {
    const target = mapping.phys === page?.phys ? '' : `, to physical address ${mapping.phys}`;
    labels.push(['IOVA', mapping.iova + target], ['Size', formatSize(mapping.sizeBytes)]);
  }
  if (device !== undefined) labels.push(['Device', device]);
  if (mapping?.device !== undefined && mapping.device !== device) labels.push(['Mapped for', mapping.device]);
  if (driver !== undefined) labels.push(['Driver', driver]);
  if (mapping?.domain !== undefined) labels.push(['Domain', mapping.domain]);
  for (const { name, value } of finding.facts) labels.push([capitalized(name), value]);
  return labels;
}
