import { defineConfig, mergeConfig, type Plugin } from 'vite';
import base from '../vite.config.ts';

/** The desk with a server made up in the page: every state can be looked at with no backend. Never shipped. */
const faked: Plugin = {
  name: 'usher-desk-fake',
  transformIndexHtml: { order: 'pre', handler: (html) => html.replace('./src/main.tsx', '/dev/main.tsx') },
};

export default mergeConfig(base, defineConfig({ plugins: [faked], server: { proxy: {} } }));
