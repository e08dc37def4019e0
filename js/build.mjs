// Builds the one bundle that every widget and every exported page runs, and refuses one that is too large.
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";

const TARGET = new URL("../jaxviz/widgets/static/jaxviz.js", import.meta.url).pathname;
const MOST_BYTES = 60_000;

const minifiedStyle = {
  name: "minified-style",
  setup(builder) {
    builder.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, "utf8"), { loader: "css", minify: true });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

const { outputFiles } = await build({
  absWorkingDir: new URL(".", import.meta.url).pathname,
  entryPoints: ["src/index.tsx"],
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  plugins: [minifiedStyle],
  outfile: TARGET,
  write: false,
});
const bundle = outputFiles[0].contents;
const compressed = gzipSync(bundle, { level: 9 }).length;
console.log(`jaxviz.js: ${bundle.length} bytes, ${compressed} gzip (at most ${MOST_BYTES})`);
if (compressed > MOST_BYTES) {
  console.error(`The bundle is ${compressed - MOST_BYTES} bytes too large. Every widget in a notebook carries it.`);
  process.exit(1);
}
// An exported page holds the bundle inside a <script>.
if (/<\/script/i.test(Buffer.from(bundle).toString("utf8"))) {
  console.error("The bundle holds '</script', which would end the script element of an exported page.");
  process.exit(1);
}
writeFileSync(TARGET, bundle);
