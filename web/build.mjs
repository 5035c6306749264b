// Builds every browser part into web/dist: widget.js (the loader), widget/ (the chat app), demo/ (the shop), desk/.
// The output depends on the sources and the lock file alone, so that a rebuild can be compared byte for byte.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const web = dirname(fileURLToPath(import.meta.url));
const dist = join(web, 'dist');

const parts = [
  { name: 'loader', config: 'widget/vite.loader.config.ts' },
  { name: 'widget', config: 'widget/vite.config.ts' },
  { name: 'more', config: 'widget/vite.more.config.ts' },
  { name: 'shim', config: 'widget/vite.shim.config.ts' },
  { name: 'demo', config: 'demo/vite.config.ts' },
  { name: 'desk', config: 'desk/vite.config.ts' },
];

// Compressed sizes in bytes; a build above them fails. The app is what a visitor loads to see the panel: parts that
// are loaded on demand (menus, other languages) have names of their own and come later.
const budgets = [
  { name: 'widget loader', limit: 2 * 1024, files: (path) => path === 'widget.js' },
  { name: 'widget app', limit: 25 * 1024, files: (path) => /^widget\/(index\.html|assets\/(index|style)-[^/]+)$/.test(path) },
];

const compressible = /\.(?:js|css|html|svg|json|webmanifest|txt|map)$/;

function filesBelow(dir) {
  return readdirSync(dir, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? filesBelow(join(dir, entry.name)) : [join(dir, entry.name)]));
}

/** gzipSync writes no time and no name, but byte 9 names the operating system: 255 is "unknown" everywhere. */
function compress(bytes) {
  const packed = gzipSync(bytes, { level: 9 });
  packed[9] = 255;
  return packed;
}

async function main() {
  const only = process.argv.slice(2);
  const chosen = parts.filter((part) => existsSync(join(web, part.config)) && (only.length === 0 || only.includes(part.name)));
  if (only.length === 0) rmSync(dist, { recursive: true, force: true });
  mkdirSync(dist, { recursive: true });
  for (const part of chosen) {
    await build({ configFile: join(web, part.config), root: dirname(join(web, part.config)), logLevel: 'warn', mode: 'production' });
  }

  const sizes = new Map();
  for (const file of filesBelow(dist).filter((path) => compressible.test(path))) {
    const packed = compress(readFileSync(file));
    writeFileSync(`${file}.gz`, packed);
    sizes.set(relative(dist, file), packed.length);
  }
  let over = false;
  for (const budget of budgets) {
    const matching = [...sizes].filter(([path]) => budget.files(path));
    if (matching.length === 0) continue;
    const total = matching.reduce((sum, [, size]) => sum + size, 0);
    over ||= total > budget.limit;
    console.log(`${budget.name}: ${total} of ${budget.limit} bytes compressed${total > budget.limit ? ' · OVER' : ''}`);
  }
  for (const [path, size] of sizes) console.log(`  ${String(size).padStart(7)}  ${path}`);
  if (over) process.exit(1);
}

await main();
