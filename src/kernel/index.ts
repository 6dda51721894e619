export * from './dma.ts';
export * from './duration.ts';
export * from './events.ts';
export * from './moment.ts';
export * from './per-context.ts';
export * from './silent-events.ts';
export * from './source.ts';
export * from './units.ts';
