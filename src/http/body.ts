import type { Context } from "hono";

/**
 * The body of a request as text, read up to a bound. Hono's own `bodyLimit` makes a new `Request` of the adaptor's when no length was
 * stated, which fails where the adaptor leaves the globals of the process alone.
 * @returns `undefined` when it is longer
 */
export async function readBody(c: Context, maxBytes: number): Promise<string | undefined> {
  if (Number(c.req.header("content-length") ?? 0) > maxBytes) return undefined;
  const { body } = c.req.raw;
  if (body === null) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
