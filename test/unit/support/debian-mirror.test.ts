import { describe, expect, it } from "vitest";
import { mirrorOfLines, mirrorOfStanzas } from "../../support/servers/debian-mirror.ts";

describe("sources in stanzas", () => {
  it("takes the main archive, not the security archive before it", () => {
    const text = `
Types: deb
URIs: http://one.example/security
Suites: bookworm-security
Components: main

# a comment
Types: deb deb-src
# URIs: http://commented.example/debian
URIs: http://two.example/debian http://three.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
`;
    expect(mirrorOfStanzas(text)).toBe("http://two.example/debian");
  });

  it("takes no stanza that is disabled, has only sources, or lacks the component main", () => {
    const stanza = (types: string, components: string, more = ""): string =>
      `Types: ${types}\nURIs: http://no.example/debian\nSuites: bookworm\nComponents: ${components}\n${more}\n`;
    const text = [stanza("deb", "main", "Enabled: no"), stanza("deb-src", "main"), stanza("deb", "non-free-firmware")].join("\n");
    expect(mirrorOfStanzas(text)).toBeUndefined();
  });

  it("passes a list of mirrors in a file on to apt as it is", () => {
    const text = "Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: bookworm\nComponents: main\n";
    expect(mirrorOfStanzas(text)).toBe("mirror+file:///etc/apt/mirrors/debian.list");
  });
});

describe("sources in lines", () => {
  it("takes the first line with packages of main", () => {
    const text = `
# deb http://commented.example/debian bookworm main
deb-src http://source.example/debian bookworm main
deb http://security.example/debian-security bookworm-security main
deb http://old.example/security buster/updates main
deb http://free.example/debian bookworm non-free
deb [arch=amd64 signed-by=/k.gpg] http://right.example/debian bookworm main contrib
`;
    expect(mirrorOfLines(text)).toBe("http://right.example/debian");
  });

  it("finds none in an empty file", () => {
    expect(mirrorOfLines("")).toBeUndefined();
  });
});
