import type { Importer } from '../importer.ts';
import { inContainer } from '../source.ts';
import { TraceSource } from '../trace-source.ts';
import { describeCapture } from './capture.ts';
import { openDirectory } from './directory.ts';
import type { Folder } from './folder.ts';
import { isTar, openTar } from './tar.ts';

/** Opens a raw capture in a directory. */
export function openCaptureDirectory(path: string): TraceSource {
  return openCapture(openDirectory(path));
}

/** A tar of a raw capture among the forms of input. */
export const captureImporter: Importer = {
  name: 'a raw capture or a tar of one',
  matches: isTar,
  async open(input) {
    const file = await input.file();
    try {
      const tar = openTar(file);
      const damage = input.damage();
      return openCapture({
        ...tar,
        form: inContainer(tar.form, input.container),
        problems: damage ? [...tar.problems, damage.problem] : tar.problems,
      });
    } catch (error) {
      file.close();
      throw input.damage() ?? error;
    }
  },
};

function openCapture(folder: Folder): TraceSource {
  try {
    return TraceSource.of(describeCapture(folder));
  } catch (error) {
    folder.close();
    throw error;
  }
}
