// Bundles the harness and serves it; pictures come from JAXVIZ_PICTURES, a contact sheet of 4 columns, if that is set.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { build } from "esbuild";

const folder = new URL(".", import.meta.url).pathname;

export async function serve() {
  const { outputFiles } = await build({
    entryPoints: [`${folder}harness.ts`],
    bundle: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    loader: { ".css": "text" },
    write: false,
  });
  const files = {
    "/": ["text/html", readFileSync(`${folder}index.html`)],
    "/harness.js": ["text/javascript", outputFiles[0].contents],
  };
  const pictures = process.env.JAXVIZ_PICTURES;
  if (pictures) files["/pictures.png"] = ["image/png", readFileSync(pictures)];
  const server = createServer((request, response) => {
    const [type, body] = files[new URL(request.url, "http://localhost").pathname] ?? [];
    response.writeHead(body ? 200 : 404, { "content-type": type ?? "text/plain" });
    response.end(body ?? "Not here.");
  });
  await new Promise((resolve) => server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", resolve));
  return { address: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

if (process.argv[1] === new URL(import.meta.url).pathname) console.log((await serve()).address);
