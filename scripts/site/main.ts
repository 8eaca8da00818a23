/**
 * `npm run docs:site`: the pages of `docs/`, the examples and the API of every public subpath as one site in `site/`, which needs no network
 * and no server. Another folder may be named behind it. A link that leads nowhere, in TSDoc, in Markdown or in the HTML that was made, ends it with an error.
 */
import { join, resolve } from "node:path";
import { Application, type TypeDocOptions } from "typedoc";
import { API, categories, entryPoints, orderApi } from "./api.ts";
import { readContents, ROOT } from "./contents.ts";
import { brokenLinks } from "./links.ts";
import { addPages } from "./tree.ts";

const out = resolve(process.argv[2] ?? join(ROOT, "site"));
const contents = readContents();

const options: TypeDocOptions = {
  name: "langchain-strata",
  entryPoints: [...entryPoints().keys()].map((file) => join(ROOT, file)),
  tsconfig: join(ROOT, "scripts/site/tsconfig.json"),
  // `npm run typecheck` has looked.
  skipErrorChecking: true,
  readme: join(ROOT, "README.md"),
  out,
  cleanOutputDir: true,
  router: "site",
  includeVersion: true,
  githubPages: false,
  disableSources: true,
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  searchInDocuments: true,
  searchInComments: true,
  groupOrder: [...contents.groups, API, "*"],
  categoryOrder: [...new Set(categories().values()), "*"],
  sort: ["documents-first", "source-order"],
  sortEntryPoints: false,
  navigation: { includeGroups: true, includeCategories: true, compactFolders: false, includeFolders: false },
  highlightLanguages: ["ts", "js", "sh", "json", "yaml", "text", "python", "sql", "markdown", "dockerfile", "md"],
  customCss: join(ROOT, "scripts/site/site.css"),
  validation: { invalidLink: true, invalidPath: true, notExported: true, rewrittenLink: true, notDocumented: false },
  intentionallyNotExported: ["src/observability/series.ts:STRATEGIES"],
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
};

const app = await Application.bootstrap(options);
orderApi(app);
addPages(app, contents);
const project = await app.convert();
if (project === undefined) process.exit(1);
app.validate(project);
await app.generateOutputs(project);

const broken = brokenLinks(out);
for (const { page, link } of broken) console.error(`${page}: ${link} leads nowhere`);
if (broken.length > 0 || app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1);
