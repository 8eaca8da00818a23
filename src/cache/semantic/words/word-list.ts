/** Words of a list that is written as text, so that lists read as lists. */
export function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

/** Word to canonical name, of lines such as `"minute: min mins minutes minuto minutos"`. The name counts as a word of its line. */
export function named(lines: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const line of lines.split("\n")) {
    const [name, rest] = line.split(":");
    if (name === undefined || rest === undefined) continue;
    for (const word of [name.trim(), ...words(rest)]) names.set(word, name.trim());
  }
  return names;
}
