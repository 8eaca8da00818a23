/**
 * A fake of Qdrant: the endpoints of its REST interface that `@langchain/qdrant` uses, over HTTP, exact and in memory. It is no Qdrant:
 * no graph, no shards, no persistence; filters are `must` with `match.value` and `match.any`. Shapes are those of
 * `@qdrant/js-client-rest`; with `QDRANT_URL` set, the same suite runs on a real server.
 */
import type { Schemas } from "@qdrant/js-client-rest";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

type Point = Schemas["PointStruct"] & { readonly vector: number[] };
interface Condition {
  readonly key: string;
  readonly match: { readonly value?: unknown; readonly any?: readonly unknown[] };
}
interface Collection {
  readonly size: number;
  readonly points: Map<unknown, Point>;
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface QdrantFake {
  readonly url: string;
  close(): Promise<void>;
}

export async function startQdrantFake(): Promise<QdrantFake> {
  const collections = new Map<string, Collection>();
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const { status, result } = answer(collections, request.method ?? "", request.url ?? "", body);
      response.writeHead(status, { "content-type": "application/json" });
      const said = status === 200 ? { result, status: "ok", time: 0 } : { status: { error: result }, time: 0 };
      response.end(JSON.stringify(request.url === "/" ? result : said));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => end(server) };
}

interface Answer {
  readonly status: number;
  readonly result: unknown;
}

function answer(collections: Map<string, Collection>, method: string, url: string, body: unknown): Answer {
  const { pathname } = new URL(url, "http://fake");
  if (method === "GET" && pathname === "/") return { status: 200, result: { title: "qdrant - fake", version: "1.18.0" } };
  if (method === "GET" && pathname === "/collections") {
    return { status: 200, result: { collections: [...collections.keys()].map((name) => ({ name })) } };
  }
  const [, , name = "", part, verb] = pathname.split("/");
  if (method === "PUT" && part === undefined) return create(collections, name, body as Schemas["CreateCollection"]);
  const collection = collections.get(name);
  if (collection === undefined) return { status: 404, result: `Not found: Collection \`${name}\` doesn't exist!` };
  if (method === "PUT" && part === "points") return upsert(collection, body as { points: Point[] });
  if (method === "POST" && verb === "delete") return remove(collection, body as { points?: unknown[]; filter?: Filter });
  if (method === "POST" && verb === "query") return query(collection, body as Query);
  return { status: 404, result: `${method} ${pathname} is not part of the fake` };
}

function create(collections: Map<string, Collection>, name: string, body: Schemas["CreateCollection"]): Answer {
  if (collections.has(name)) return { status: 409, result: `Wrong input: Collection \`${name}\` already exists!` };
  const { size, distance } = body.vectors as Schemas["VectorParams"];
  if (distance !== "Cosine") return { status: 400, result: "the fake knows the distance Cosine only" };
  collections.set(name, { size, points: new Map() });
  return { status: 200, result: true };
}

function upsert({ size, points }: Collection, body: { points: Point[] }): Answer {
  for (const { id, vector } of body.points) {
    if (!(typeof id === "number" || UUID.test(id)))
      return { status: 400, result: `Format error: value ${id} is not a valid point ID` };
    if (vector.length !== size) return wrongDimensions(size, vector.length);
  }
  for (const point of body.points) points.set(point.id, point);
  return { status: 200, result: { operation_id: 0, status: "completed" } };
}

interface Filter {
  readonly must?: readonly Condition[];
}

function remove({ points }: Collection, { points: ids, filter }: { points?: unknown[]; filter?: Filter }): Answer {
  for (const [id, { payload }] of points) {
    if (ids === undefined ? isMatch(payload, filter) : ids.includes(id)) points.delete(id);
  }
  return { status: 200, result: { operation_id: 0, status: "completed" } };
}

interface Query {
  readonly query: number[];
  readonly limit: number;
  readonly filter?: Filter;
}

function query({ size, points }: Collection, { query: vector, limit, filter }: Query): Answer {
  if (vector.length !== size) return wrongDimensions(size, vector.length);
  const found = [...points.values()].filter(({ payload }) => isMatch(payload, filter));
  const scored = found.map(({ id, payload, vector: held }) => ({ id, version: 0, score: cosine(vector, held), payload }));
  return { status: 200, result: { points: scored.toSorted((a, b) => b.score - a.score).slice(0, limit) } };
}

function wrongDimensions(expected: number, got: number): Answer {
  return { status: 400, result: `Wrong input: Vector dimension error: expected dim: ${expected}, got ${got}` };
}

function isMatch(payload: unknown, filter: Filter | undefined): boolean {
  return (filter?.must ?? []).every(({ key, match }) => {
    const held: unknown = key
      .split(".")
      .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], payload);
    const values: readonly unknown[] = Array.isArray(held) ? held : [held];
    return values.some((value) => (match.any === undefined ? value === match.value : match.any.includes(value)));
  });
}

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = a.reduce((sum, x, each) => sum + x * (b[each] ?? 0), 0);
  return dot / (Math.hypot(...a) * Math.hypot(...b));
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  return text === "" ? undefined : (JSON.parse(text) as unknown);
}

async function end(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
