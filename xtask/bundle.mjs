// Bundles the browser's JavaScript with esbuild: `node xtask/bundle.mjs <banner folder> <folder of results>`.
//
// In: the loader, the two entries and the glue that wasm-bindgen wrote. Out: loader.js, banner.js and tracker.js,
// classic scripts without a trailing newline. A style sheet that an entry imports arrives there as minified text.

import { build, transform } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const [banner, results] = process.argv.slice(2);

// What every browser with WebAssembly reference types understands.
const target = ['chrome96', 'firefox94', 'safari15'];

const minifiedStyles = {
  name: 'minified-styles',
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, 'utf8'), { loader: 'css', minify: true, target });
      return { contents: code.trim(), loader: 'text' };
    });
  },
};

const entries = [
  { from: 'loader.js', to: 'loader.js', bundle: false },
  { from: 'src/entry.js', to: 'banner.js', bundle: true },
  { from: 'tracker/src/entry.js', to: 'tracker.js', bundle: true },
];

for (const { from, to, bundle } of entries) {
  const entry = join(banner, from);
  if (!existsSync(entry)) throw new Error(`${entry} is missing`);
  await build({
    entryPoints: [entry],
    outfile: join(results, to),
    bundle,
    minify: true,
    format: bundle ? 'iife' : undefined,
    target,
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
    // wasm-bindgen's glue repeats a module's key for each import of it.
    logOverride: { 'duplicate-object-key': 'silent' },
    plugins: [minifiedStyles],
  });
}
