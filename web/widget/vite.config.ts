import { defineConfig, type Plugin } from 'vite';

/** Parts that are loaded on demand bring no styles and nothing to preload: import() alone does what is needed. */
function plainImports(): Plugin {
  const helper = '\0vite/preload-helper.js';
  return {
    name: 'usher-plain-imports',
    enforce: 'pre',
    load: (id) => (id === helper ? 'export const __vitePreload = (load) => load();' : undefined),
  };
}

/** What every visitor needs is one file; left alone, the bundler would put Preact into a second one, loaded after the first. */
const first = /node_modules\/preact|web\/stream\/index|widget\/app\/(main|core\/(?!colour|file|form|jwt|links|more|transcript)|ui\/(?!adopt|Attach|drawings|Emoji|Ending|[Ff]ile|Form|Menu|Peek|rove)|i18n\/(?!ja|files))/;

// Relative base: the app works wherever the server mounts it.
export default defineConfig({
  base: './',
  plugins: [plainImports()],
  oxc: { jsx: { runtime: 'classic', pragma: 'h', pragmaFrag: 'Fragment' }, jsxInject: "import { h, Fragment } from 'preact';" },
  build: {
    outDir: '../dist/widget',
    emptyOutDir: true,
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox121', 'safari17.5'],
    assetsDir: 'assets',
    assetsInlineLimit: 0,
    modulePreload: false,
    cssCodeSplit: false,
    reportCompressedSize: false,
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'index', test: first }] } } },
  },
});
