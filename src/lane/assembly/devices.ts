import {
  DEVICE_COUNT,
  DEVICE_ORDINARY,
  DEVICES,
  DOMAIN_COUNT,
  MAP_DEVICE,
  MAP_GENERATION,
  SOLE_DEVICES,
} from './board';
import { at, intAt, word } from './memory';

// What is believed of devices and domains, as the host has left it.

export function deviceBits(device: i32): i32 {
  return device < word(DEVICE_COUNT) ? intAt(at(DEVICES), device * 2) : 0;
}

export function generationOf(device: i32): i32 {
  return intAt(at(DEVICES), device * 2 + 1);
}

export function soleDevice(domain: i32): i32 {
  return domain < word(DOMAIN_COUNT) ? intAt(at(SOLE_DEVICES), domain) : 0;
}

/** Whether the driver of a mapping is the one that made it, and bound. */
export function isOrdinaryEnd(id: i32, domain: i32): bool {
  const own = intAt(at(MAP_DEVICE), id);
  const device = own !== 0 ? own : soleDevice(domain);
  if (device === 0) return true;
  if ((deviceBits(device) & DEVICE_ORDINARY) === 0) return false;
  return own === 0 || intAt(at(MAP_GENERATION), id) === generationOf(device);
}
