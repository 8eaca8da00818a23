import { describe, expect, test } from "vitest";
import { readPhrase } from "../../../../src/cache/semantic/phrase.ts";
import { vetoOf, type Veto } from "../../../../src/cache/semantic/vetoes.ts";

function veto(a: string, b: string): Veto | undefined {
  return vetoOf(readPhrase(a), readPhrase(b));
}

const FORBIDDEN: readonly (readonly [Veto, string, string])[] = [
  ["number", "How do I set a timer for 5 minutes?", "How do I set a timer for 15 minutes?"],
  ["number", "Set two alarms for me", "Set three alarms for me"],
  ["number", "What is twenty five percent of eighty?", "What is twenty percent of eighty five?"],
  ["number", "What is 5 % of 10?", "What is 10 % of 5?"],
  ["number", "Defina um temporizador de vinte e cinco minutos", "Defina um temporizador de vinte minutos"],
  ["number", "Who won World War I?", "Who won World War II?"],
  ["number", "Acorda-me às 7h30", "Acorda-me às 7h40"],
  ["number", "Wake me up at 7 am", "Wake me up at 7 pm"],
  ["unit", "How much is 5 km in steps?", "How much is 5 miles in steps?"],
  ["unit", "Quanto são 10 dólares em pesos?", "Quanto são 10 euros em pesos?"],
  ["unit", "How much is $10 in pesos?", "How much is €10 in pesos?"],
  ["date", "What's the weather on Monday?", "What's the weather on Tuesday?"],
  ["date", "Qual é a previsão do tempo para amanhã?", "Qual é a previsão do tempo para hoje?"],
  ["quote", 'What does "bonjour" mean?', 'What does "bonsoir" mean?'],
  ["literal", "What does parse_args() return?", "What does parse_kwargs() return?"],
  ["literal", "Summarize https://example.com/a", "Summarize https://example.com/b"],
  ["letter", "What are the benefits of vitamin C?", "What are the benefits of vitamin D?"],
  ["negation", "Why do we dream at night?", "Why don't we dream at night?"],
  ["negation", "O pagamento foi aprovado?", "O pagamento não foi aprovado?"],
  ["negation", "How do I gain weight?", "How do I avoid gaining weight?"],
  ["opposite", "Turn on the kitchen lights", "Turn off the kitchen lights"],
  ["opposite", "Liga a luz da cozinha", "Desliga a luz da cozinha"],
  ["opposite", "How do I enable two-factor login?", "How do I disable two-factor login?"],
  ["opposite", "Is this legal in my state?", "Is this illegal in my state?"],
  ["kind", "Liga a luz da cozinha", "Liga a luz da sala"],
  ["kind", "what is the capital of france", "what is the capital of germany"],
  ["name", "When was Marie Curie born?", "When was Pierre Curie born?"],
  ["name", "Quem foi Joaquim Nabuco?", "Quem foi Joaquim Murtinho?"],
  ["asks", "When was the bridge built?", "Where was the bridge built?"],
  ["number", "How many grams are in half a cup of flour?", "How many grams are in a quarter cup of flour?"],
  ["number", "Quanto rende meio milhão na poupança?", "Quanto rende um milhão na poupança?"],
  ["date", "What was revenue last quarter?", "What was revenue this quarter?"],
  ["date", "Quem joga na semana passada?", "Quem joga na semana que vem?"],
  ["unit", "Qual é a distância até a lua em km?", "Qual é a distância até a lua em milhas?"],
  ["negation", "What is the capital gains tax for residents?", "What is the capital gains tax for non-residents?"],
  ["negation", "Which gum is sugar-free?", "Which gum has sugar?"],
  ["negation", "Do I have to sign page two?", "Do I hardly have to sign page two?"],
  ["opposite", "List users created since monday", "List users created until monday"],
  ["opposite", "What causes hypertension?", "What causes hypotension?"],
  ["opposite", "How do I close an inbound call?", "How do I close an outbound call?"],
  ["opposite", "Qual é o salário bruto de um professor?", "Qual é o salário líquido de um professor?"],
  ["kind", "What is the boiling point of ethanol?", "What is the boiling point of methanol?"],
  ["kind", "Quanto custa o plano mensal?", "Quanto custa o plano anual?"],
  ["kind", "What is the maximum dose for children?", "What is the maximum dose for adults?"],
  ["order", "Book a flight from Paris to London", "Book a flight from London to Paris"],
  ["order", "Does the dog chase the cat?", "Does the cat chase the dog?"],
  ["order", "Converta reais para dólares", "Converta dólares para reais"],
  ["language", "What is the capital of France?", "Qual é a capital da França?"],
];

const ALLOWED: readonly (readonly [string, string])[] = [
  ["How do I reset my password?", "how can i reset my password"],
  ["Set a timer for five minutes", "set a timer for 5 min"],
  ["Como faço para trocar minha senha?", "Como trocar a senha?"],
  ["Dois temporizadores, por favor", "2 temporizadores por favor"],
  ["What are the differences between cats and dogs?", "What are the differences between dogs and cats?"],
  ["Como implementar autenticação JWT em Python?", "Em Python, como implementar autenticação JWT?"],
  ["How did Trump win the election?", "How did Donald Trump win the election?"],
  ["What is the population of the USA?", "What is the population of America?"],
  ["How do I see what I spent last month?", "Show my spending of the past month"],
  ["Como está o tempo hoje?", "Como o tempo está hoje?"],
  ["Wake me in half an hour", "Wake me up in half an hour"],
  ["How much free space is left?", "how much space is free"],
  ["Where is my receipt?", "where is my reciept"],
  ["O que são Order Blocks?", "Explique o que são order blocks"],
  ["O que são Order Blocks?", "Explique Order Blocks no trading"],
  ["a que horas é o jogo no domingo?", "A que horas é o jogo de domingo?"],
  ['What does "bonjour" mean?', "What does bonjour mean?"],
  ["Does it cost $1,000?", "does it cost 1000 dollars"],
];

describe("vetoes", () => {
  test.each(FORBIDDEN)("%s: %s | %s", (expected, a, b) => {
    expect(veto(a, b)).toBe(expected);
    expect(veto(b, a)).toBe(expected);
  });

  test.each(ALLOWED)("none: %s | %s", (a, b) => {
    expect(veto(a, b)).toBeUndefined();
    expect(veto(b, a)).toBeUndefined();
  });
});

describe("a question that is longer than what is read", () => {
  const long = Array.from({ length: 900 }, (_, index) => `word${String.fromCharCode(97 + (index % 26))}${index}`).join(" ");

  test("is the same only if its rest is, too", () => {
    expect(veto(`${long} ends with one`, `${long} ends with one`)).toBeUndefined();
    expect(veto(`${long} ends with one`, `${long} ends with two`)).toBe("rest");
  });
});
