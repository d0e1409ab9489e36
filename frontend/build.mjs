// Builds js/*.js (modules in folders below it are imported, not entry points), css/app.css and images/*
// into src/greenroom/web/static/: content-hashed names, manifest.json and the licences of what went in.
// Run by hatch_build.py; `--watch` rebuilds on every change, with source maps and unminified.
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const target = path.resolve(here, "../src/greenroom/web/static");
const watching = process.argv.includes("--watch");

const options = {
  absWorkingDir: here,
  entryPoints: [...(await files("js")), "css/app.css", ...(await files("images"))],
  outdir: target,
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["es2022"],
  loader: { ".svg": "copy", ".png": "copy", ".ico": "copy", ".woff2": "file" },
  legalComments: "none", // licenses.txt carries them whole
  minify: !watching,
  sourcemap: watching ? "linked" : false,
  metafile: true,
  write: false,
  logLevel: "warning",
  plugins: [{ name: "publish", setup: (build) => build.onEnd(publish) }],
};

async function files(folder) {
  const entries = await readdir(path.join(here, folder), { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => `${folder}/${entry.name}`).sort();
}

async function publish({ errors, outputFiles, metafile }) {
  if (errors.length) return;
  await mkdir(target, { recursive: true });
  for (const file of outputFiles) await writeFile(file.path, file.contents);
  await writeFile(path.join(target, "licenses.txt"), await licences(metafile));
  // The manifest comes last and in one step: whoever reads it finds every file it names.
  const manifest = namesOf(metafile);
  await writeFile(path.join(target, "manifest.json.new"), JSON.stringify(manifest, null, 2) + "\n");
  await rename(path.join(target, "manifest.json.new"), path.join(target, "manifest.json"));
  const wanted = new Set(outputFiles.map((file) => path.basename(file.path)));
  for (const name of await readdir(target)) {
    if (!wanted.has(name) && !["manifest.json", "licenses.txt"].includes(name)) {
      await rm(path.join(target, name), { recursive: true });
    }
  }
  if (watching) console.log(`built ${Object.keys(manifest).sort().join(" ")}`);
}

// {"scheduling.js": "scheduling-4QTPAWSO.js", ...}: what templates say -> what is served.
function namesOf(metafile) {
  const entries = Object.entries(metafile.outputs).filter(([, output]) => output.entryPoint);
  const named = entries.map(([file, { entryPoint }]) => [entryPoint.replace(/^[^/]+\//, ""), path.basename(file)]);
  return Object.fromEntries(named.sort());
}

async function licences(metafile) {
  const packages = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const found = input.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//);
    if (found) packages.add(found[1]);
  }
  const texts = await Promise.all([...packages].sort().map(licenceOf));
  return texts.join(`\n\n${"-".repeat(78)}\n\n`);
}

async function licenceOf(name) {
  const folder = path.join(here, "node_modules", name);
  const { version, license } = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? await readFile(path.join(folder, file), "utf8") : "(no licence text in the package)";
  return `${name} ${version} (${license})\n\n${text.trim()}\n`;
}

if (watching) {
  await (await esbuild.context(options)).watch();
} else {
  await esbuild.build(options).catch(() => process.exit(1)); // esbuild has already said what is wrong
}
