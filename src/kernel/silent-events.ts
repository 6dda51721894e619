import type { KernelEvents } from './events.ts';

const silent = (): void => undefined;

/** Takes all events and does nothing: to count them, or to override a few methods. */
export const silentEvents: KernelEvents = {
  iommuMap: silent,
  iommuUnmapBegin: silent,
  iommuUnmapEnd: silent,
  domainAlloc: silent,
  domainAttach: silent,
  domainFree: silent,
  pageAlloc: silent,
  pageFree: silent,
  dmaMapBegin: silent,
  dmaMap: silent,
  dmaUnmap: silent,
  dmaMapSg: silent,
  dmaUnmapSg: silent,
  dmaSync: silent,
  driverProbe: silent,
  driverCleanup: silent,
  driverUnbound: silent,
  poolHold: silent,
  poolRelease: silent,
  poolShutdown: silent,
  poolDestroy: silent,
  eventsLost: silent,
};
