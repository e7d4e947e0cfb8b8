/** Builds the page for looking at the panels without Jupyter: `node dev/build.mjs`, then open dist/dev/index.html. */

import { copyFile } from 'node:fs/promises';

import { build } from 'esbuild';

await build({
  entryPoints: ['dev/main.ts', 'dev/main.css'],
  outdir: 'dist/dev',
  bundle: true,
  format: 'iife',
  target: 'es2022'
});
await copyFile('dev/index.html', 'dist/dev/index.html');
