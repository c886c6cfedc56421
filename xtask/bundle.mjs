// Bundles the browser's JavaScript with esbuild: `node xtask/bundle.mjs <banner folder> <folder of results>`.
//
// In: the loader, the four children's entries, the glue that wasm-bindgen wrote and, in the folder of results, the two
// modules. Out, in that folder: loaders.json (one loader for every set of switches), banner.js, tracker.js, gate.js and more.js,
// classic scripts without a trailing newline, and banner.css for browsers that cannot take a style sheet from a script.
//
// A module rides inside its script, a character a byte: that compresses as well as a file of its own (1 % more), saves a
// request, and one integrity holds for both. An integrity is also the child's name, so each child ends in a number that
// is counted up until its hash has no character that an address cannot hold.

import { build, transform } from 'esbuild';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const [banner, results] = process.argv.slice(2);

// What every browser with WebAssembly reference types understands.
const target = ['chrome96', 'firefox94', 'safari15'];

// The loader's switches. Place n is bit n of a loader's place in loaders.json; `Switches` in assets.rs has the same order.
const SWITCHES = ['GOOGLE', 'MICROSOFT', 'ALIASES', 'QUIET', 'THEME', 'TRUSTED_TYPES', 'MARK'];
const MODULE = '__KRUIMEL_MODULE__';

const styles = async path => {
  const { code } = await transform(await readFile(path, 'utf8'), { loader: 'css', minify: true, target });
  return code.trim();
};

const textOfStyles = {
  name: 'text-of-styles',
  setup(build) {
    build.onLoad({ filter: /\.css$/ }, async ({ path }) => ({ contents: await styles(path), loader: 'text' }));
  },
};

const placeOfModule = {
  name: 'place-of-module',
  setup(build) {
    build.onResolve({ filter: /\.wasm$/ }, ({ path }) => ({ path, namespace: 'module' }));
    build.onLoad({ filter: /.*/, namespace: 'module' }, () => ({ contents: MODULE, loader: 'text' }));
  },
};

// The module as a template literal: what would end it, begin a place in it or be read as another character is escaped.
const literal = bytes => {
  const escaped = { '\\': '\\\\', '`': '\\`', $: '\\$', '\r': '\\r' };
  return '`' + Array.from(bytes, byte => String.fromCharCode(byte)).map(character => escaped[character] ?? character).join('') + '`';
};

const hash = script => createHash('sha256').update(script).digest('base64').replace('=', '');

const named = script => {
  for (let count = 0; ; count++) {
    const child = script + '//' + count;
    if (!/[+/]/.test(hash(child))) return child;
  }
};

// The gate fetches the tracker by its hash, so that comes first.
const define = {};

const children = [
  { from: 'src/entry.js', to: 'banner.js', module: 'banner.wasm' },
  { from: 'tracker/src/entry.js', to: 'tracker.js', module: 'tracker.wasm' },
  { from: 'src/gate/entry.js', to: 'gate.js' },
  { from: 'src/more/entry.js', to: 'more.js' },
];

for (const { from, to, module } of children) {
  const { outputFiles } = await build({
    entryPoints: [join(banner, from)],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target,
    define,
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
    // wasm-bindgen's glue repeats a module's key for each import of it.
    logOverride: { 'duplicate-object-key': 'silent' },
    plugins: [textOfStyles, placeOfModule],
  });
  let script = outputFiles[0].text.trim();
  if (module) {
    const [before, after, more] = script.split(`"${MODULE}"`);
    if (after === undefined || more !== undefined) throw new Error(`${to} must hold its module exactly once`);
    script = before + literal(await readFile(join(results, module))) + after;
  }
  const child = named(script);
  if (to == 'tracker.js') define.TRACKER_HASH = JSON.stringify(hash(child));
  await writeFile(join(results, to), child);
}

const loader = await readFile(join(banner, 'loader.js'), 'utf8');
const loaders = await Promise.all(
  Array.from({ length: 1 << SWITCHES.length }, async (_, set) => {
    const define = Object.fromEntries(SWITCHES.map((name, bit) => ['KRUIMEL_' + name, String(Boolean((set >> bit) & 1))]));
    const { code } = await transform(loader, { minify: true, target, define, charset: 'utf8', legalComments: 'none' });
    return code.trim();
  }),
);
await writeFile(join(results, 'loaders.json'), JSON.stringify(loaders));
await writeFile(join(results, 'banner.css'), await styles(join(banner, 'assets/banner.css')));
