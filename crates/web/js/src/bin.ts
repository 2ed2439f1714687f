// The command `v64` in Node.
import { main } from './cli.ts';

process.exitCode = await main(process.argv.slice(2));
