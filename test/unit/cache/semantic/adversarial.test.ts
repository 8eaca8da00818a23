import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import { calibratedPolicy } from "../../../../src/cache/semantic/policies/calibrated.ts";
import { staticPolicy } from "../../../../src/cache/semantic/policies/static.ts";
import type { SimilarityPolicy } from "../../../../src/cache/semantic/similarity-policy.ts";
import { LocalEmbeddings } from "../../../../src/embeddings/local-embeddings.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

const embeddings = new LocalEmbeddings({ model: "static" });
afterAll(() => embeddings.close());

interface Pair {
  readonly a: string;
  readonly b: string;
  readonly similarity: number;
}

/** Two questions of which one must not be answered with the other's answer, by near cosine or not. */
async function pairsOf(language: "en" | "pt"): Promise<Pair[]> {
  const file = new URL(`../../../fixtures/semantic/adversarial-${language}.txt`, import.meta.url);
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const texts = lines.flatMap((line) => line.split(" | "));
  const vectors = await embeddings.embedDocuments(texts);
  return lines.map((_, index) => {
    const [left, right] = [vectors[index * 2]!, vectors[index * 2 + 1]!];
    return { a: texts[index * 2]!, b: texts[index * 2 + 1]!, similarity: left.reduce((sum, x, at) => sum + x * right[at]!, 0) };
  });
}

function served(policy: SimilarityPolicy, pairs: readonly Pair[]): string[] {
  const asked = pairs.flatMap(({ a, b, similarity }) => [
    { a, b, similarity },
    { a: b, b: a, similarity },
  ]);
  return asked
    .filter(
      ({ a, b, similarity }) =>
        policy.decide({ text: a, population: "p" }, [{ entryId: "e", text: b, similarity }]).action === "serve",
    )
    .map(({ a, b }) => `${a} | ${b}`);
}

describe.each(["en", "pt"] as const)(
  "near-duplicates in %s that differ in a number, unit, date, name, negation or direction",
  (language) => {
    test("are 200, most of which the cosine alone would serve", async () => {
      const pairs = await pairsOf(language);
      expect(pairs).toHaveLength(200);
      expect(served(staticPolicy({ vetoes: false }), pairs).length).toBeGreaterThan(200);
    });

    test("are not served by the static policy", async () => {
      expect(served(staticPolicy(), await pairsOf(language))).toEqual([]);
    });

    test("are not served by the calibrated policy, new or taught that everything is right", async () => {
      const pairs = await pairsOf(language);
      const policy = calibratedPolicy({ random: seededRandom(1) });
      expect(served(policy, pairs)).toEqual([]);
      for (let index = 0; index < 400; index++) {
        const candidates = [
          { entryId: `e${index}`, text: `How do I reset the password of account holder${index}x`, similarity: 0.9 },
        ];
        const question = { text: `how can i reset the password of account holder${index}x`, population: "p" };
        policy.learn({ question, candidates, candidate: 0, right: true, source: "answer" });
      }
      const easy = { text: "how can i reset the password of account holder", population: "p" };
      const near = [{ entryId: "e", text: "How do I reset the password of account holder", similarity: 0.97 }];
      expect(policy.decide(easy, near).action).toBe("serve");
      expect(served(policy, pairs)).toEqual([]);
    });
  },
);
