import type { Language } from "./language.ts";

/** A subject on which the stand-in has something to say: sentences that stand alone and stay in this order. */
export interface Topic {
  readonly matches: RegExp;
  readonly sentences: Readonly<Record<Language, readonly string[]>>;
}

/** The first that matches the question is taken. */
export const TOPICS: readonly Topic[] = [
  {
    matches: /order[\s-]?blocks?|blocos? de orde(?:m|ns)/i,
    sentences: {
      en: [
        "An order block is the last opposite candle, or small group of candles, before a move strong enough to break structure.",
        "It marks a zone in which large orders were probably filled in parts, so price often reacts when it comes back to it.",
        "A bullish block is the last down candle before the rally; a bearish block is the last up candle before the fall.",
        "The zone counts for more when the move away from it left an imbalance and took out a clear high or low.",
        "Blocks on the daily or four-hour chart outrank those on lower time frames, which serve for the entry.",
        "A block that has been touched once has given part of its orders away, and each further touch weakens it.",
        "The idea fails when a candle closes beyond the far side of the zone, and that is where the stop belongs.",
        "Volume at the origin of the move, and liquidity resting beyond nearby equal highs or lows, support the reading.",
      ],
      pt: [
        "Um order block é o último candle contrário, ou pequeno grupo de candles, antes de um movimento que rompe a estrutura.",
        "Ele marca uma zona em que ordens grandes provavelmente foram executadas, e o preço costuma reagir ao voltar a ela.",
        "O bloco de alta é o último candle de queda antes da subida; o de baixa é o último candle de alta antes da queda.",
        "A zona vale mais quando o movimento que saiu dela deixou um desequilíbrio e superou um topo ou fundo claro.",
        "Blocos do gráfico diário ou de quatro horas pesam mais que os de tempos menores, que servem para a entrada.",
        "Um bloco já testado entregou parte das suas ordens, e cada novo toque o enfraquece.",
        "A ideia falha quando um candle fecha além do lado oposto da zona, e é ali que o stop deve ficar.",
        "O volume na origem do movimento e a liquidez acima de topos iguais ou abaixo de fundos iguais reforçam a leitura.",
      ],
    },
  },
  {
    matches: anyOf(/\brisks?\b/, /\briscos?\b/, /position siz/, /tamanho d[ae] posi/, /stop[\s-]?loss/, /drawdown/),
    sentences: {
      en: [
        "Risk is decided before the entry: the distance to the stop and the share of the account that may be lost there.",
        "Many plans risk half a percent to one percent of the account on a trade, so that a losing streak stays survivable.",
        "Position size follows from that: the amount at risk divided by the distance between entry and stop.",
        "A target of twice the risk needs to be right only a little more than one time in three to break even after costs.",
        "Correlated positions are one position, and their risks add up.",
        "A daily loss limit protects the account from the decisions that are made after a loss.",
        "Moving a stop away from price turns a planned loss into an unplanned one; moving it closer needs a reason in the chart.",
        "A journal with the planned and the realised risk shows whether the edge or the discipline is missing.",
      ],
      pt: [
        "O risco é decidido antes da entrada: a distância até o stop e a parte da conta que pode ser perdida ali.",
        "Muitos planos arriscam de meio a um por cento da conta por operação, para que uma sequência de perdas seja suportável.",
        "O tamanho da posição vem daí: o valor em risco dividido pela distância entre a entrada e o stop.",
        "Um alvo de duas vezes o risco precisa acertar só pouco mais de uma vez em três para empatar depois dos custos.",
        "Posições correlacionadas são uma só posição, e os seus riscos se somam.",
        "Um limite diário de perda protege a conta das decisões tomadas logo depois de perder.",
        "Afastar o stop do preço transforma uma perda planejada em outra sem plano; aproximá-lo pede um motivo no gráfico.",
        "Um diário com o risco planejado e o realizado mostra se falta vantagem ou se falta disciplina.",
      ],
    },
  },
  {
    matches: anyOf(
      /market structure|estrutura d[eo] mercado|\bbos\b|\bchoch\b|break of structure|rompimento/,
      /\bswings?\b|liquid(?:ity|ez)|tendência|\btrends?\b|\btrad(?:e|es|ing|er)\b/,
    ),
    sentences: {
      en: [
        "Market structure is the order of highs and lows: higher ones make an uptrend, lower ones a downtrend, neither a range.",
        "A break of structure is a close beyond the last swing in the direction of the trend, and it confirms that trend.",
        "A change of character is the first close beyond the swing that protected the trend: the trend may be over.",
        "Only swings that took out another swing deserve to be marked; the rest is noise inside the leg.",
        "Liquidity rests beyond obvious highs and lows, and price often takes it before it turns.",
        "The higher time frame gives the direction and the lower one the timing; when they disagree, waiting is a position.",
        "A range has a premium half, where sales make sense, and a discount half, where purchases do.",
        "A wick beyond a level is a test, and a close beyond it is a break.",
      ],
      pt: [
        "A estrutura de mercado é a ordem de topos e fundos: mais altos formam tendência de alta, mais baixos, de baixa.",
        "Um rompimento de estrutura é um fechamento além do último pivô a favor da tendência, e confirma essa tendência.",
        "Uma mudança de caráter é o primeiro fechamento além do pivô que protegia a tendência, e avisa que ela pode ter acabado.",
        "Só merecem marcação os pivôs que superaram outro pivô; o resto é ruído dentro da perna.",
        "A liquidez fica além de topos e fundos evidentes, e o preço costuma buscá-la antes de virar.",
        "O tempo gráfico maior dá a direção e o menor dá o momento; quando discordam, esperar também é uma posição.",
        "Uma lateralização tem a metade cara, onde faz sentido vender, e a metade barata, onde faz sentido comprar.",
        "Um pavio além do nível é um teste, e um fechamento além dele é um rompimento.",
      ],
    },
  },
  {
    matches: anyOf(
      /\b(?:type|java)script\b|\bpython\b|\bsoftware\b|\bsql\b|\bredis\b|postgres|\bapis?\b|\btests?\b|deploy/,
      /\bcach(?:e|es|ing)\b|database|banco de dados|\bcode\b|\bcódigo|function|função|\bserver|servidor|algorithm|algoritmo/,
    ),
    sentences: {
      en: [
        "The first step is to write down what the code promises: its inputs, its outputs and what happens when something fails.",
        "A small interface between the parts keeps each of them replaceable and testable on its own.",
        "What is slow should be measured before it is changed, since the guess is wrong more often than not.",
        "A cache pays when the same question comes back, and it needs a key that holds everything on which the answer depends.",
        "Every remote call needs a deadline, a bounded number of retries with backoff, and a plan for the case that it fails.",
        "State that two processes share belongs in a store with atomic operations, not in two copies that drift apart.",
        "A test that cannot fail is worth nothing; breaking the code once shows that it can.",
        "Names, types and errors are the documentation that is read most, and they deserve the care that prose gets.",
      ],
      pt: [
        "O primeiro passo é escrever o que o código promete: entradas, saídas e o que acontece quando algo falha.",
        "Uma interface pequena entre as partes mantém cada uma substituível e testável por si só.",
        "O que é lento deve ser medido antes de ser mudado, pois o palpite erra mais do que acerta.",
        "Um cache compensa quando a mesma pergunta volta, e precisa de uma chave com tudo aquilo de que a resposta depende.",
        "Toda chamada remota precisa de prazo, de um número limitado de tentativas e de uma saída para quando ela não responde.",
        "O estado que dois processos compartilham pertence a um banco com operações atômicas, não a duas cópias que se afastam.",
        "Um teste que não pode falhar não vale nada; quebrar o código uma vez mostra que ele pode.",
        "Nomes, tipos e erros são a documentação mais lida, e merecem o cuidado que se dá ao texto.",
      ],
    },
  },
];

/** For every other question; `{subject}` is replaced by the question's own words. */
export const GENERAL: Topic = {
  matches: /(?:)/,
  sentences: {
    en: [
      "A useful way into {subject} is to separate what is known from what is assumed, since that is where opinions part.",
      "The terms deserve a definition first, since people use the same words about {subject} for different things.",
      "The context decides which details matter: the goal, the time at hand and the cost of being wrong.",
      "It helps to compare two or three options by the same criteria instead of weighing each one by its best side.",
      "A concrete example about {subject} shows quickly whether the general rule holds.",
      "The opposite case is worth a look too, for it shows where the rule ends.",
      "Sources that measured something should count for more than those that only repeat a claim.",
      "A small and reversible first step teaches more about {subject} than a long plan does.",
    ],
    pt: [
      "Um bom caminho para entender {subject} é separar o que se sabe do que se supõe, pois é aí que mora a discordância.",
      "Os termos merecem uma definição primeiro, pois usam-se as mesmas palavras sobre {subject} para coisas diferentes.",
      "O contexto decide quais detalhes importam: o objetivo, o tempo disponível e o custo de errar.",
      "Ajuda comparar duas ou três opções pelos mesmos critérios, em vez de julgar cada uma pelo seu melhor lado.",
      "Um exemplo concreto sobre {subject} mostra depressa se a regra geral se sustenta.",
      "O caso contrário também merece atenção, pois mostra onde a regra termina.",
      "Fontes que mediram algo devem pesar mais do que as que apenas repetem uma afirmação.",
      "Um primeiro passo pequeno e reversível ensina mais sobre {subject} do que um plano longo.",
    ],
  },
};

function anyOf(...patterns: readonly RegExp[]): RegExp {
  return new RegExp(patterns.map(({ source }) => source).join("|"), "i");
}
