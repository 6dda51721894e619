/** Put in place by scripts/build.mjs from package.json; does not exist when the sources are run directly. */
declare const __IOMMUSAN_VERSION__: string | undefined;

/** Version of the package, `0.0.0-source` when it was not built. */
export const VERSION: string =
  typeof __IOMMUSAN_VERSION__ === 'string' ? __IOMMUSAN_VERSION__ : '0.0.0-source';
