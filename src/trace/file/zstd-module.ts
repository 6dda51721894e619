import { ZSTDDecoder } from 'zstddec/stream';
import { type CompiledModule, WasmZstd } from './zstd-wasm.ts';

let loading: Promise<WasmZstd> | undefined;
let loaded: CompiledModule | undefined;

/** The decoder of this thread: one instance, whose memory is used again and again. */
export function loadWasmZstd(): Promise<WasmZstd> {
  loading ??= make();
  return loading;
}

/** The code of it, once it is loaded: other threads need not compile it. */
export function zstdModule(): CompiledModule | undefined {
  return loaded;
}

async function make(): Promise<WasmZstd> {
  loaded = await loadModule();
  return WasmZstd.of(loaded);
}

/**
 * The code that zstddec carries. It keeps that to itself, and is watched when it takes it into use; the executable has
 * it in a file (scripts/build.mjs).
 */
async function loadModule(): Promise<CompiledModule> {
  const zstddec = new ZSTDDecoder();
  const takeIntoUse = zstddec._init;
  let module: CompiledModule | undefined;
  zstddec._init = result => {
    takeIntoUse(result);
    module = result.module;
  };
  await zstddec.init();
  if (!module) throw new Error('zstddec was loaded elsewhere');
  return module;
}
