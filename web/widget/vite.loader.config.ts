import { resolve } from 'node:path';
import { defineConfig } from 'vite';

// The loader is one classic script: it must run from a plain <script async> on any page.
export default defineConfig({
  publicDir: false,
  build: {
    outDir: resolve(import.meta.dirname, '../dist'),
    emptyOutDir: false,
    target: 'es2022',
    modulePreload: false,
    rolldownOptions: {
      input: resolve(import.meta.dirname, 'loader/loader.ts'),
      output: { format: 'iife', entryFileNames: 'widget.js' },
    },
  },
});
