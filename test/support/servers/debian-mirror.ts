import { readFile } from "node:fs/promises";

/** Where apt keeps its sources: the form since Debian 12 first, then the classic one. */
const SOURCES = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"];

/** The mirror that this machine's apt uses, which is the one that is reachable from it. Undefined if it has none. */
export async function debianMirror(): Promise<string | undefined> {
  for (const path of SOURCES) {
    const text = await readFile(path, "utf8").catch(() => "");
    const mirror = path.endsWith(".sources") ? mirrorOfStanzas(text) : mirrorOfLines(text);
    if (mirror !== undefined) return mirror;
  }
  return undefined;
}

/** Reads `URIs:` of the first stanza with packages of Debian's `main` that is not the security archive (deb822 form). */
export function mirrorOfStanzas(text: string): string | undefined {
  for (const stanza of text.replace(/^#.*\n?/gm, "").split(/\n\s*\n/)) {
    const words = (field: string): string[] => new RegExp(`^${field}:(.*)$`, "im").exec(stanza)?.[1]?.trim().split(/\s+/) ?? [];
    if (words("Enabled")[0] === "no" || !words("Types").includes("deb") || !words("Components").includes("main")) continue;
    if (words("Suites").every(isSecurity)) continue;
    const [mirror] = words("URIs");
    if (mirror !== undefined && mirror !== "") return mirror;
  }
  return undefined;
}

/** The same from `deb [options] uri suite components…` lines. */
export function mirrorOfLines(text: string): string | undefined {
  for (const line of text.split("\n")) {
    const [, mirror, suite, components] = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (mirror === undefined || suite === undefined || isSecurity(suite)) continue;
    if (components?.split(/\s+/).includes("main") === true) return mirror;
  }
  return undefined;
}

/** The security archive lives in a place of its own, and does not hold whole suites. */
function isSecurity(suite: string): boolean {
  return suite.endsWith("-security") || suite.endsWith("/updates");
}
