// Plays the same script with one version of the chat library: node script.mjs VERSION SERVICE. Each step prints a line of JSON.
import { steps } from './steps.mjs';
import { connect } from './people.mjs';

const [version, service] = process.argv.slice(2);
const ids = Object.fromEntries(['ann', 'bob', 'cid'].map((name) => [name, `${name}-${version}`]));
// Some versions do not catch what they read of a channel that was left meanwhile. Browsers only print it, and so do we.
process.on('unhandledRejection', (e) => console.error(`${version}: ${e?.message}`));
const play = { version, service, ids, connect: (who, options) => connect(version, who, service, options) };
let failed = false;
let lost = false; // without a connection nothing can follow
for (const [name, step] of steps) {
  const began = Date.now();
  let error;
  try {
    if (lost) throw new Error('left out');
    await step(play);
  } catch (e) {
    error = e?.stack || String(e?.message || JSON.stringify(e));
    failed = true;
    lost ||= name === 'connect';
  }
  console.log(JSON.stringify({ version, step: name, ok: !error, ms: Date.now() - began, error }));
}
process.exit(failed ? 1 : 0);
