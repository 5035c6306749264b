import { resolve } from 'node:path';
import { defineConfig } from 'vite';

// One classic script, in the place of the legacy widget's.
export default defineConfig({
  publicDir: false,
  build: {
    outDir: resolve(import.meta.dirname, '../dist'),
    emptyOutDir: false,
    target: 'es2022',
    modulePreload: false,
    rolldownOptions: {
      input: resolve(import.meta.dirname, 'shim/webchat2.ts'),
      output: { format: 'iife', entryFileNames: 'webchat2.js' },
    },
  },
});
