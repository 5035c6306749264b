// Serves a built desk at /desk/ with the fallback and the Content-Security-Policy of the real server. node dev/serve.mjs DIR PORT
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const [dir, port = '5199'] = process.argv.slice(2);
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
// axe is injected by the tests: 'unsafe-eval' and the like are never needed by the desk itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'";

createServer((request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, 'http://x').pathname)).replace(/^\/desk/, '');
  const file = join(dir, path);
  const found = existsSync(file) && statSync(file).isFile() ? file : join(dir, 'index.html');
  response.writeHead(200, { 'Content-Type': types[extname(found)] ?? 'application/octet-stream', 'Content-Security-Policy': policy });
  createReadStream(found).pipe(response);
}).listen(Number(port), '127.0.0.1');
