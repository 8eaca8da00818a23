/** The files of the web app, as the build leaves them in `dist/dashboard`, and the page of who is not let in yet. */
import { readFileSync } from "node:fs";
import { StrataError } from "../../core/errors.ts";

const FILES = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/app.js": ["app.js", "text/javascript; charset=utf-8"],
  "/app.css": ["app.css", "text/css; charset=utf-8"],
  "/icon.svg": ["icon.svg", "image/svg+xml"],
} as const;

export interface Page {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly type: string;
}

/** As deep in `src` as in `dist`, so that one address serves both. */
const FOLDER = new URL("../../../dist/dashboard/", import.meta.url);

/** By path. @throws {@link StrataError} `UNAVAILABLE` when they were not built */
export function readPages(): ReadonlyMap<string, Page> {
  return new Map(
    Object.entries(FILES).map(([path, [name, type]]) => {
      try {
        return [path, { body: new Uint8Array(readFileSync(new URL(name, FOLDER))), type }];
      } catch (cause) {
        throw new StrataError("UNAVAILABLE", `The dashboard's ${name} is not there; \`npm run build\` makes it.`, { cause });
      }
    }),
  );
}

const NOTES = {
  asked: "Open the link that the server printed, or give its token.",
  late: "This link was used, or is older than ten minutes. Give the token, or ask for a new link.",
  wrong: "That is not the token.",
} as const;

/** Works without a script, and holds nothing of the request. */
export function signInPage(note: keyof typeof NOTES): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>strata · sign in</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/app.css">
</head>
<body class="sign-in">
<main>
<h1>strata</h1>
<p>${NOTES[note]}</p>
<form method="post" action="/sign-in">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="off" required autofocus>
<button type="submit">Sign in</button>
</form>
</main>
</body>
</html>
`;
}
