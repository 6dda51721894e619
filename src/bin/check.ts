import { join } from 'node:path';
import { checkRecording } from '../cli/check-recording.ts';
import { descriptorOutput } from '../cli/descriptor-output.ts';
import { requireBundle } from './code-cache.ts';

// `iommusan check FILE` without more, see isPlainCheck(). The process ends as in command.ts.
const [, , , path = ''] = process.argv;
checkRecording(path, {
  stdout: descriptorOutput(1, () => process.stdout),
  stderr: descriptorOutput(2, () => process.stderr),
  env: process.env,
}).then(code => {
  if (code === undefined) requireBundle(join(__dirname, 'command.cjs'), require);
  else process.exit(code);
});
