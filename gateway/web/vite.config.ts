import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// The daemon (or the mock server of tests/web/agent) that `npm run dev` talks to.
const backend = process.env.PARLEY_URL ?? 'http://127.0.0.1:8080';
const behind = { target: backend, changeOrigin: true, headers: { origin: backend } };

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2020',
    assetsInlineLimit: 0, // a data: URI would need a wider Content-Security-Policy
    modulePreload: { polyfill: false }, // its helper is an inline script
  },
  server: { proxy: { '/api': behind, '/ws': { ...behind, ws: true } } },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
});
