/** Our pages as TypeDoc's documents, and where each of them lies on the site. */
import { join } from "node:path";
import {
  Converter,
  DocumentReflection,
  IndexEvent,
  KindRouter,
  MinimalSourceFile,
  normalizePath,
  type Application,
  type ProjectReflection,
  type Reflection,
} from "typedoc";
import { ROOT, type SiteContents, type SitePage } from "./contents.ts";

const urls = new WeakMap<Reflection, string>();

/** `guides/cache.html` for a page, `api/classes/TieredCache.html` for what is exported. */
class SiteRouter extends KindRouter {
  protected override getIdealBaseName(reflection: Reflection): string {
    return urls.get(reflection) ?? `api/${super.getIdealBaseName(reflection)}`;
  }
}

export function addPages(app: Application, { pages, sources }: SiteContents): void {
  app.renderer.defineRouter("site", SiteRouter);
  app.converter.on(Converter.EVENT_BEGIN, ({ project }) => {
    for (const page of pages) project.addChild(documentOf(app, project, project, page));
    const [first] = sources;
    if (first === undefined) return;
    const text =
      "# Files that the pages link to\n\nWhat shows that a page is true: tests, benchmarks, configurations. Pages link to them.\n";
    const parent = documentOf(app, project, project, { ...first, file: "sources", url: "sources", title: first.group, text });
    project.addChild(parent);
    for (const source of sources) parent.addChild(documentOf(app, project, parent, source));
  });
  app.renderer.on(IndexEvent.PREPARE_INDEX, (event) => {
    const files = new Set(sources.map(({ title }) => title));
    for (let at = event.searchResults.length - 1; at >= 0; at--) {
      const found = event.searchResults[at];
      if (found?.isDocument() === true && files.has(found.name)) event.removeResult(at);
    }
  });
}

function documentOf(
  app: Application,
  project: ProjectReflection,
  parent: ProjectReflection | DocumentReflection,
  { file, group, title, url, text }: SitePage,
): DocumentReflection {
  const path = normalizePath(join(ROOT, file));
  const { content } = app.converter.parseRawComment(new MinimalSourceFile(text, path), project.files);
  const document = new DocumentReflection(title, parent, content, { group });
  project.registerReflection(document, undefined, path);
  urls.set(document, url);
  return document;
}
