// Serves the banner's script in three ways, for `delivery.rs`: `node delivery.mjs banner/dist/banner.js`.
//
// In: the built script, which has its module inside. Out: the port on a line, and a page there whose `measure(way)` gives
// the ms until the script has arrived and the module is compiled. The bytes are those of the build, compressed as the
// collector does it; the script itself is read by the browser and not run.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { brotliCompressSync, constants } from 'node:zlib';

const script = readFileSync(process.argv[2], 'utf8');
const literal = script.match(/`\0asm(?:[^`\\]|\\.)*`/s)[0];
const glue = `if (0) {${script.replace(literal, () => '""')}\n}`;
const module = Buffer.from(new Function('return ' + literal)(), 'latin1');

const file = (type, content) => ({ type, content: brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }), integrity: 'sha256-' + createHash('sha256').update(content).digest('base64') });
const files = {
  '/inside.js': file('text/javascript; charset=utf-8', Buffer.from(`self.code = ${literal};${glue}`)),
  '/glue.js': file('text/javascript; charset=utf-8', Buffer.from(glue)),
  '/module.wasm': file('application/wasm', module),
};
const integrity = Object.fromEntries(Object.entries(files).map(([name, { integrity }]) => [name, integrity]));
const bytes = Object.fromEntries(Object.entries(files).map(([name, { content }]) => [name, content.length]));

const page = `<!doctype html><title>Delivery</title><script>
const integrity = ${JSON.stringify(integrity)}, bytes = ${JSON.stringify(bytes)};
const script = src => new Promise((onload, onerror) =>
  document.head.append(Object.assign(document.createElement('script'), { crossOrigin: '', integrity: integrity[src], onload, onerror, src })));
const fetched = src => fetch(src, { integrity: integrity[src] }).then(answer => answer.arrayBuffer());
const ways = {
  inside: () => script('/inside.js').then(() => Uint8Array.from(code, character => character.charCodeAt())),
  beside: () => Promise.all([fetched('/module.wasm'), script('/glue.js')]).then(all => all[0]),
  after: () => script('/glue.js').then(() => fetched('/module.wasm')),
};
const measure = async way => {
  const begun = performance.now();
  await WebAssembly.compile(await ways[way]());
  return performance.now() - begun;
};
</script>`;

const server = createServer((request, response) => {
  const found = files[request.url];
  const headers = found ? { 'content-type': found.type, 'content-encoding': 'br' } : { 'content-type': 'text/html' };
  response.writeHead(200, headers).end(found ? found.content : page);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
