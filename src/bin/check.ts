import { checkRecordings } from '../cli/check-recordings.ts';
import { descriptorOutput } from '../cli/descriptor-output.ts';

// `iommusan check FILE...` without more, see isPlainCheck(). The process ends as in command.ts.
checkRecordings(process.argv.slice(3), {
  stdout: descriptorOutput(1, () => process.stdout),
  stderr: descriptorOutput(2, () => process.stderr),
  env: process.env,
}).then(code => process.exit(code));
