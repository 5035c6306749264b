import { resolve } from 'node:path';
import { defineConfig } from 'vite';

// What the loader fetches when the page calls it: a module of fixed name beside the app.
export default defineConfig({
  publicDir: false,
  build: {
    outDir: resolve(import.meta.dirname, '../dist/widget'),
    emptyOutDir: false,
    target: 'es2022',
    modulePreload: false,
    lib: { entry: resolve(import.meta.dirname, 'more/more.ts'), formats: ['es'], fileName: () => 'more.js' },
  },
});
