// Opens an XForm in the engine of ODK Web Forms; prints what it would send, or fails with its reason.
// Usage: node web_forms.mjs form.xml folder-of-attachments
import { readFileSync, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { JSDOM } from "jsdom";

const require = createRequire(import.meta.url);
// The engine is built for browsers: it looks for the DOM, and its parser for CommonJS's globals.
const { window } = new JSDOM("<!doctype html>");
for (const name of ["DOMParser", "XMLSerializer", "Node", "Element", "Document", "XMLDocument",
  "XPathResult", "XPathEvaluator", "Text", "Attr", "CDATASection", "Comment"]) {
  globalThis[name] = window[name];
}
globalThis.window = window;
globalThis.document = window.document;
globalThis.require = require;
globalThis.__dirname = dirname(require.resolve("@getodk/xforms-engine"));

const { createInstance } = await import("@getodk/xforms-engine");

const [form, folder] = process.argv.slice(2);
const types = { csv: "text/csv", xml: "text/xml", geojson: "application/geo+json" };

async function fetchFormAttachment(url) {
  const file = join(folder, basename(String(url)));
  if (!existsSync(file)) return new Response("", { status: 404 });
  const type = types[file.split(".").pop()] ?? "application/octet-stream";
  return new Response(readFileSync(file), { headers: { "content-type": type } });
}

const options = { form: { fetchFormAttachment, missingResourceBehavior: "BLANK" }, instance: {} };
const made = await createInstance(readFileSync(form, "utf8"), options);
const payload = await made.root.prepareInstancePayload({ payloadType: "monolithic" });
const xml = await payload.data[0].get("xml_submission_file").text();
const labels = made.root.languages.map((language) => language.language);
console.log(JSON.stringify({ status: made.formResult.status, languages: labels, xml }));
