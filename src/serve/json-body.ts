/** The body of a request as JSON: read no further than its bound, and refused with a reason. */

export type JsonBody =
  | { readonly ok: true; readonly text: string; readonly value: unknown }
  | { readonly ok: false; readonly status: 400 | 413 | 415; readonly message: string };

export async function jsonBody(request: Request, maxBytes: number): Promise<JsonBody> {
  const type = request.headers.get("content-type") ?? "";
  // A page of another site can send a form or plain text without being asked for leave, and nothing else.
  if (!/^application\/(?:[\w.+-]+\+)?json\b/i.test(type)) {
    return { ok: false, status: 415, message: "Send JSON, with `content-type: application/json`." };
  }
  const tooLarge = { ok: false, status: 413, message: `The body is larger than ${maxBytes} bytes.` } as const;
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) return tooLarge;
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of request.body ?? []) {
    bytes += piece.byteLength;
    if (bytes > maxBytes) return tooLarge;
    pieces.push(piece);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(pieces));
  } catch {
    return { ok: false, status: 400, message: "The body is no UTF-8." };
  }
  try {
    return { ok: true, text, value: JSON.parse(text) as unknown };
  } catch {
    // V8's own message quotes the text.
    return { ok: false, status: 400, message: "The body is no JSON." };
  }
}
