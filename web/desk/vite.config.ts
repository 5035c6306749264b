/// <reference types="vitest/config" />
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { DEFAULT_THEME, convertCssVariables, defaultCssVariablesResolver, mergeMantineTheme } from '@mantine/core';
import { defineConfig, type Plugin } from 'vite';
import { theme, variables } from './src/theme.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Palettes of Mantine that nothing here uses. */
const unused = /^--mantine-color-(red|pink|grape|violet|indigo|blue|cyan|teal|green|lime|yellow|orange)-/;

/** Serves theme.ts as the static stylesheet `virtual:theme.css`: a strict CSP forbids the one Mantine would inject. */
function themeStyles(): Plugin {
  const id = 'virtual:theme.css';
  return {
    name: 'usher-theme-styles',
    resolveId: (source) => (source === id ? `\0${id}` : undefined),
    load(source) {
      if (source !== `\0${id}`) return undefined;
      const merged = mergeMantineTheme(DEFAULT_THEME, theme);
      const base = defaultCssVariablesResolver(merged);
      const own = variables(merged);
      const keep = (all: Record<string, string>) => Object.fromEntries(Object.entries(all).filter(([name]) => !unused.test(name)));
      return convertCssVariables({
        variables: keep({ ...base.variables, ...own.variables }),
        light: keep({ ...base.light, ...own.light }),
        dark: keep({ ...base.dark, ...own.dark }),
      }, ':root');
    },
  };
}

export default defineConfig({
  root: here('.'),
  base: '/desk/',
  plugins: [react(), themeStyles()],
  build: {
    outDir: here('../dist/desk'),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: true,
  },
  server: { port: 5174, strictPort: false, proxy: Object.fromEntries(
    ['/signin', '/taskrouter', '/flex-api', '/chat', '/iam', '/api', '/widget', '/demo', '/healthz', '/readyz'].map((path): [string, string | object] => [path, 'http://127.0.0.1:8080']).concat([['/stream', { target: 'ws://127.0.0.1:8080', ws: true }]]),
  ) },
  test: { include: ['src/**/*.test.ts', 'src/**/*.test.tsx'], environment: 'happy-dom' },
});
