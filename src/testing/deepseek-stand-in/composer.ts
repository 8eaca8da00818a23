import { digest } from "./protocol.ts";
import type { Question } from "./question.ts";
import { GENERAL, TOPICS } from "./topics.ts";

/**
 * Writes an answer that depends on nothing but the question: the same question gets the same text, another one another text.
 *
 * Choice without randomness: options are ranked by the SHA-256 of (question, option), as in rendezvous hashing, so every choice
 * is stable and independent of all others. Chosen sentences keep the order in which the topic tells them.
 */
export interface ComposedAnswer {
  readonly reasoning: string;
  readonly content: string;
}

const SENTENCES_PER_ANSWER = 5;
/** How much of a question, and of a tool's result, an answer repeats. */
const LONGEST_QUOTE = 140;
const LONGEST_RESULT = 1_200;

const PHRASES = {
  en: {
    openings: [
      "Here is an answer to “{q}”.",
      "On “{q}”, these points matter.",
      "You ask: “{q}”. In short:",
      "Let me take “{q}” step by step.",
    ],
    followUp: "This continues from “{q}”.",
    result: "{tool} returned: {content}",
    resultsNote: "That is the basis of this answer to “{q}”.",
    closings: [
      "If one detail of your case differs, say so, and the answer may change with it.",
      "Check these points against your own case before you act on them.",
      "The first point carries the most weight; the others refine it.",
    ],
    notice: "(Local stand-in of the DeepSeek API, answer {id}: composed from the question, no model was asked.)",
    thoughts: [
      "The user asks “{q}”, so the answer has to be about {subject}.",
      "First I should settle what is being asked, and what would count as a good answer.",
      "The question gives no further context, so I will state what the answer depends on.",
      "I will go from the definition to the practice, and name the point at which the idea fails.",
      "There are several points to choose from; five of them should be enough, and each needs only one sentence.",
      "I should not promise more than can be said in general.",
      "I will answer in English, since the question is in English.",
    ],
    toolThought: "The tool has answered, so I only need to report what it found and relate it to the question.",
  },
  pt: {
    openings: [
      "Segue uma resposta para “{q}”.",
      "Sobre “{q}”, estes pontos importam.",
      "Você pergunta: “{q}”. Em resumo:",
      "Vamos por partes: “{q}”.",
    ],
    followUp: "Isto continua a partir de “{q}”.",
    result: "{tool} respondeu: {content}",
    resultsNote: "É nisso que se baseia esta resposta para “{q}”.",
    closings: [
      "Se algum detalhe do seu caso for diferente, diga, e a resposta pode mudar com ele.",
      "Confira estes pontos no seu próprio caso antes de agir.",
      "O primeiro ponto é o que mais pesa; os outros o refinam.",
    ],
    notice: "(Substituto local da API da DeepSeek, resposta {id}: composta a partir da pergunta, nenhum modelo foi consultado.)",
    thoughts: [
      "O usuário pergunta “{q}”, então a resposta precisa tratar de {subject}.",
      "Primeiro preciso definir o que está sendo perguntado e o que seria uma boa resposta.",
      "A pergunta não traz mais contexto, então vou dizer de que a resposta depende.",
      "Vou da definição para a prática e indico em que ponto a ideia falha.",
      "Há vários pontos possíveis; cinco devem bastar, e cada um pede só uma frase.",
      "Não devo prometer mais do que se pode dizer em geral.",
      "Vou responder em português, já que a pergunta está em português.",
    ],
    toolThought: "A ferramenta já respondeu, então basta relatar o que ela encontrou e ligar isso à pergunta.",
  },
} as const;

export function composeAnswer(question: Question): ComposedAnswer {
  const phrases = PHRASES[question.language];
  const fill = (phrase: string): string => {
    const values: Record<string, string> = { q: quote(question.text), subject: question.subject, id: question.fingerprint };
    return phrase.replace(/\{(q|subject|id)\}/g, (_, name: string) => values[name] ?? "");
  };
  const thoughts = [phrases.thoughts[0], ...choose(phrases.thoughts.slice(1), 4, question.fingerprint)];
  const notice = fill(phrases.notice);

  if (question.toolResults.length > 0) {
    const results = question.toolResults.map(({ name, content }) =>
      phrases.result.replace("{tool}", () => name).replace("{content}", () => content.slice(0, LONGEST_RESULT)),
    );
    return {
      reasoning: [fill(phrases.thoughts[0]), phrases.toolThought].join(" "),
      content: [...results, fill(phrases.resultsNote), notice].join("\n\n"),
    };
  }

  const opening = fill(choose(phrases.openings, 1, question.fingerprint).join(""));
  const followUp = question.previous === "" ? [] : [phrases.followUp.replace("{q}", () => quote(question.previous))];
  const closing = choose(phrases.closings, 1, question.fingerprint).join("");
  return {
    reasoning: thoughts.map(fill).join(" "),
    content: [[opening, ...followUp].join(" "), answerSentences(question).join(" "), closing, notice].join("\n\n"),
  };
}

/** The sentences of the answer alone, without opening and closing. */
export function answerSentences(question: Question): string[] {
  const topic = TOPICS.find(({ matches }) => matches.test(question.text)) ?? GENERAL;
  return choose(topic.sentences[question.language], SENTENCES_PER_ANSWER, question.fingerprint).map((sentence) =>
    sentence.replace("{subject}", () => question.subject),
  );
}

/** The `count` options that rank first for the seed, in the order in which they were given. */
export function choose<T extends string>(options: readonly T[], count: number, seed: string): T[] {
  const ranked = options.toSorted((a, b) => (digest(seed + a) < digest(seed + b) ? -1 : 1));
  const chosen = new Set(ranked.slice(0, count));
  return options.filter((option) => chosen.has(option));
}

function quote(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length > LONGEST_QUOTE ? `${line.slice(0, LONGEST_QUOTE)}…` : line;
}
