import { DEVICE_COUNT, DEVICES, DOMAIN_COUNT, SOLE_DEVICES } from './board';
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
