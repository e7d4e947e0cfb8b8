/** Builds the panels as one ES module for hosts without our extension. Its styles travel inside it. */

import { copyFile } from 'node:fs/promises';
import { build } from 'esbuild';

const styles = await build({ entryPoints: ['style/index.css'], bundle: true, minify: true, write: false });

await build({
  entryPoints: ['src/widget/index.ts'],
  outfile: '../tracker_nb/panels/static/panels.js',
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  legalComments: 'none',
  define: { TNB_STYLES: JSON.stringify(styles.outputFiles[0].text) }
});

// A page that has the labextension gives it to widgets too: the loader in tracker_nb/panels asks there first.
await copyFile('../tracker_nb/panels/static/panels.js', 'dist/static/panels.js');
