// Type-checks every browser part that has a tsconfig.json.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const web = dirname(fileURLToPath(import.meta.url));
const parts = process.argv.length > 2 ? process.argv.slice(2) : ['stream', 'widget', 'demo', 'desk'];

let failed = false;
for (const part of parts) {
  const project = join(web, part, 'tsconfig.json');
  if (!existsSync(project)) continue;
  const run = spawnSync(process.execPath, [join(web, 'node_modules/typescript/bin/tsc'), '--noEmit', '-p', project], { stdio: 'inherit' });
  failed ||= run.status !== 0;
}
process.exit(failed ? 1 : 0);
