import { basename } from "node:path";
import { StrataError } from "../core/errors.ts";
import { failure, type SourceDocument } from "./source-file.ts";

/**
 * The text of a PDF, a part for each page. The reader (`unpdf`, an optional peer: pdf.js without its canvas) is loaded with the first.
 * @throws {@link StrataError} `MISSING_PEER`, or `CORRUPT` naming the file
 */
export async function readPdf(file: string, id: string, bytes: Buffer): Promise<readonly SourceDocument[]> {
  const { extractText, getDocumentProxy } = await import("unpdf").catch((cause: unknown) => {
    throw new StrataError("MISSING_PEER", `${file} is a PDF, which needs the package unpdf: npm install unpdf`, { cause });
  });
  let pages: readonly string[];
  try {
    // A copy: pdf.js takes the memory away from what it is given.
    const pdf = await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0 });
    try {
      pages = (await extractText(pdf, { mergePages: false })).text;
    } finally {
      await pdf.destroy();
    }
  } catch (cause) {
    throw failure(file, "is no PDF that can be read", cause);
  }
  const parts = pages.map((text, index) => ({ text, metadata: { page: index + 1 } }));
  if (parts.every(({ text }) => text.trim() === ""))
    throw failure(file, "holds no text: its pages are pictures, perhaps scanned");
  return [{ id, metadata: { source: id, title: basename(file) }, parts }];
}
