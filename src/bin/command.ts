import { main } from '../cli/main.ts';

// All output is written when main() is done. Left alone, Node would first wait for V8 to finish compiling functions
// that nobody will call any more: 40 ms after a small trace.
main(process.argv.slice(2), process).then(code => process.exit(code));
