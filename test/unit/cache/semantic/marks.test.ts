import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fold, readPhrase } from "../../../../src/cache/semantic/phrase.ts";
import { vetoOf, type Veto } from "../../../../src/cache/semantic/vetoes.ts";

function veto(a: string, b: string): Veto | undefined {
  return vetoOf(readPhrase(a), readPhrase(b));
}

const DIFFERENT: readonly (readonly [string, string])[] = [
  ["Convert -40 degrees Celsius to Fahrenheit", "Convert 40 degrees Celsius to Fahrenheit"],
  ["Converta −40 graus Celsius para Fahrenheit", "Converta 40 graus Celsius para Fahrenheit"],
  ["What is 12 - 4?", "What is 12 + 4?"],
  ["Quanto é 12 - 4?", "Quanto é 12 + 4?"],
  ["Quanto é 12 × 4?", "Quanto é 12 ÷ 4?"],
  ["Qual é a raiz de -16?", "Qual é a raiz de 16?"],
  ["Qual é -5?", "Qual é 5?"],
  ["Solve x - 5 = 12", "Solve x + 5 = 12"],
  ["Solve x-5 = 12", "Solve x+5 = 12"],
  ["Resolva x - 5 = 12", "Resolva x + 5 = 12"],
  ["Expand (a + b)^2", "Expand (a - b)^2"],
  ["What does 😡 mean?", "What does 😀 mean?"],
  ["O que significa 😡?", "O que significa 😀?"],
  ["What does 👍🏽 mean?", "What does 👎🏽 mean?"],
  ["Whose flag is 🇧🇷?", "Whose flag is 🇵🇹?"],
  ["What does :) mean?", "What does :( mean?"],
  ["Factor x^2 + 3x", "Factor x^2 - 3x"],
  ["What is 2^3?", "What is 2*3?"],
  ["What is √16?", "What is 16?"],
  ["Quanto é √16?", "Quanto é 16?"],
  ["What is ±3?", "What is 3?"],
  ["What is 5! / 3?", "What is 5 / 3?"],
  ['What does "*" mean in a regex?', 'What does "+" mean in a regex?'],
  ["What does `^` mean in a regex?", "What does `$` mean in a regex?"],
  ["O que quer dizer '?' numa regex?", "O que quer dizer '!' numa regex?"],
  ["What does * do in C?", "What does & do in C?"],
  ["What does - do in bash?", "What does + do in bash?"],
  ['What does "foo*" match?', 'What does "foo+" match?'],
  ["Is x > 5?", "Is x < 5?"],
  ["Lista os números > 5", "Lista os números < 5"],
  ["What is revenue + 5?", "What is revenue - 5?"],
  ["How much is -$5 in euros?", "How much is $5 in euros?"],
  ["What is price*quantity?", "What is price/quantity?"],
  ["What does & do in C?", "What does / do in C?"],
  ["What is f(-x)?", "What is f(x)?"],
  ["What is 8 & 5?", "What is 8 | 5?"],
  ["Is ∞ a number?", "Is ∅ a number?"],
];

const SAME: readonly (readonly [string, string])[] = [
  ["How do I reset my password 😀", "How do I reset my password?"],
  ["👋 How do I reset my password?", "How do I reset my password?"],
  ["Olá 👋! Como troco a senha?", "Olá! Como troco a senha?"],
  ["That is funny 😂😂😂", "That is funny 😂"],
  ["I ❤️ this, why?", "I ❤ this, why?"],
  ["Cats & dogs: which live longer?", "Cats and dogs: which live longer?"],
  ["Tea and/or coffee?", "Tea and or coffee?"],
  ["Tea & coffee: how much?", "Tea/coffee: how much?"],
  ["How do e-mail filters work?", "How do e mail filters work?"],
  ["What is COVID-19?", "What is COVID 19?"],
  ["How fast is an F-16?", "How fast is an F16?"],
  ["What is **caching**?", "What is caching?"],
  ["What is *caching*, and what is _memory_?", "What is caching, and what is memory?"],
  ["# What is caching?", "What is caching?"],
  ["- What is caching?\n- What is memory?", "What is caching?\n* What is memory?"],
  ["> What is caching?", "What is caching?"],
  ["Caching – what is it?", "Caching, what is it?"],
  ["O que é cache — e para que serve?", "O que é cache, e para que serve?"],
  ["What is 2 + 2 = ?", "What is 2 + 2?"],
  ["What is 3 × 4?", "What is 3 * 4?"],
  ["What is x² + 1?", "What is x^2 + 1?"],
  ["What does “*” mean?", 'What does "*" mean?'],
  ["What does 😡 mean?", "😡 mean?"],
  ["plan B - what is it?", "plan B: what is it?"],
  ["How much is 5 %?", "How much is 5%?"],
  ["It costs $5 - why?", "It costs $5, why?"],
  ["What is −5 + 3?", "What is -5 + 3?"],
];

describe("signs, operators and emoji", () => {
  test.each(DIFFERENT)("differ: %s | %s", (a, b) => {
    expect(veto(a, b)).toBeDefined();
    expect(veto(b, a)).toBeDefined();
    expect([veto(a, a), veto(b, b)]).toEqual([undefined, undefined]);
  });

  test.each(SAME)("are style: %s | %s", (a, b) => {
    expect(veto(a, b)).toBeUndefined();
    expect(veto(b, a)).toBeUndefined();
  });

  test("a dash, an emphasis, a bullet or a trailing emoji never forbids", () => {
    const words = ["how", "does", "the", "cache", "como", "funciona", "memória", "well", "answers", "rede"];
    const dressed = fc.tuple(
      fc.array(fc.constantFrom(...words), { minLength: 2, maxLength: 8 }),
      fc.constantFrom("", "- ", "* ", "+ ", "• ", "# ", "### ", "> ", "👋 ", "… "),
      fc.constantFrom("", "?", "!", "?!", "…", "...", " 😀", "? 🙏🏽", " :)", "!!! 👩‍💻"),
      fc.array(fc.tuple(fc.nat(7), fc.constantFrom("*", "**", "_", "`", '"', "~~")), { maxLength: 2 }),
      fc.constantFrom(" ", ", ", " - ", " – ", " — ", "… ", "; ", " / ", " & "),
    );
    fc.assert(
      fc.property(dressed, ([plain, before, after, emphasis, joint]) => {
        const written = plain.map((word, at) => {
          const mark = emphasis.find(([place]) => place === at)?.[1] ?? "";
          return mark + word + mark;
        });
        const styled = before + written[0] + joint + written.slice(1).join(" ") + after;
        expect([veto(styled, plain.join(" ")), veto(plain.join(" "), styled)]).toEqual([undefined, undefined]);
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  test("another operator between the same numbers always forbids", () => {
    const operator = fc.constantFrom("+", "-", "*", "/", "^", "<", ">", "=");
    fc.assert(
      fc.property(fc.nat(99), fc.nat(99), operator, operator, fc.constantFrom("What is", "Quanto é"), (x, y, one, other, ask) => {
        fc.pre(one !== other);
        expect(veto(`${ask} ${x} ${one} ${y}?`, `${ask} ${x} ${other} ${y}?`)).toBeDefined();
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  test("thousands of marks are compared at once", () => {
    const code = "a+b*c-d/e^f ".repeat(160);
    expect(veto(code, code)).toBeUndefined();
    expect(veto(code, code.replace("*", "-"))).toBeDefined();
  });

  test("words that differ in a vowel sign are two, accents of Latin letters are none", () => {
    expect(fold("है")).not.toBe(fold("हैं"));
    expect(readPhrase("यह क्या है").folded).not.toBe(readPhrase("यह क्या हैं").folded);
    expect(fold("São Tomé, ação")).toBe("sao tome, acao");
  });
});
