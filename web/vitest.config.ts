import { defineConfig } from 'vitest/config';

// Each part tests itself in its own surroundings; one command runs them all.
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'stream', include: ['stream/**/*.test.ts'], environment: 'node' } },
      { test: { name: 'widget', include: ['widget/**/*.test.ts'], environment: 'node' } },
      'desk/vite.config.ts',
    ],
  },
});
