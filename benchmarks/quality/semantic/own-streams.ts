/**
 * Streams of our own, to train the shipped priors on: questions of made-up domains in English and Portuguese. Each line is an
 * intent: ways to ask it, with slots. Two questions are of one class when intent and slots are the same.
 */
import type { Stream } from "./streams.ts";

interface Domain {
  readonly name: string;
  readonly slots: Readonly<Record<string, readonly string[]>>;
  /** Ways to ask, separated by "|". */
  readonly intents: readonly string[];
}

function list(text: string): string[] {
  return text.split(",").map((item) => item.trim());
}

const DOMAINS: readonly Domain[] = [
  {
    name: "shop en",
    slots: {
      x: list(
        "blender, winter coat, office chair, coffee grinder, phone case, running shoes, desk lamp, yoga mat, tent, headset, kettle, backpack",
      ),
    },
    intents: [
      "where is my {x} order|has my {x} been shipped yet|when will the {x} arrive|track the delivery of my {x}|what is the status of my {x} order",
      "how do i return the {x}|i want to send the {x} back|what is the return process for a {x}|can i return my {x} please",
      "is the {x} in stock|do you have the {x} available|can i still get the {x}|availability of the {x}",
      "does the {x} come with a warranty|how long is the {x} guaranteed|what warranty does the {x} have|is there a guarantee on the {x}",
      "what does the {x} cost|how much is the {x}|price of the {x} please|tell me the price for a {x}",
      "my {x} arrived broken|the {x} i received is damaged|i got a defective {x}|the {x} does not work since it arrived",
      "can i change the color of my {x}|is the {x} sold in other colors|what colors does the {x} come in|which colours of the {x} do you sell",
      "how do i clean the {x}|what is the best way to clean a {x}|cleaning instructions for the {x}|tips for washing the {x}",
    ],
  },
  {
    name: "shop pt",
    slots: {
      x: list(
        "liquidificador, casaco de inverno, cadeira de escritório, moedor de café, capa de celular, tênis de corrida, luminária, tapete de ioga, barraca, fone, chaleira, mochila",
      ),
    },
    intents: [
      "onde está meu pedido de {x}|meu {x} já foi enviado|quando chega o meu {x}|quero rastrear a entrega do {x}|qual o status do pedido do {x}",
      "como devolvo o {x}|quero devolver o {x}|qual é o processo de devolução do {x}|posso mandar o {x} de volta",
      "tem {x} em estoque|o {x} está disponível|ainda consigo comprar o {x}|disponibilidade do {x}",
      "o {x} tem garantia|qual é a garantia do {x}|quanto tempo de garantia tem o {x}|existe garantia para o {x}",
      "quanto custa o {x}|qual é o preço do {x}|me diga o valor do {x}|preço do {x} por favor",
      "meu {x} chegou quebrado|o {x} que recebi está danificado|recebi um {x} com defeito|o {x} veio estragado",
      "posso trocar a cor do {x}|o {x} existe em outras cores|quais cores tem o {x}|em que cores vendem o {x}",
      "como limpo o {x}|qual a melhor forma de limpar o {x}|instruções de limpeza do {x}|dicas para lavar o {x}",
    ],
  },
  {
    name: "bank en",
    slots: {
      x: list(
        "debit card, joint account, travel card, student account, business account, virtual card, metal card, teen account",
      ),
    },
    intents: [
      "how do i open a {x}|what do i need to get a {x}|i would like to apply for a {x}|opening a {x}, how does it work",
      "i lost my {x}|my {x} has gone missing|someone stole my {x}|i cannot find my {x} anywhere",
      "how do i close my {x}|i want to get rid of my {x}|please cancel the {x}|what is the way to terminate a {x}",
      "what are the fees of the {x}|how much does the {x} cost per month|is there a charge for the {x}|monthly price of a {x}",
      "what is the limit of my {x}|how much can i spend with the {x}|maximum spending on my {x}|tell me the limit for the {x}",
      "why was my {x} payment declined|my {x} did not work at the store|payment with the {x} failed|the {x} was refused at the till",
      "can i use the {x} abroad|does the {x} work in other countries|is my {x} valid when travelling|using the {x} in a foreign country",
      "how do i change the pin of my {x}|i need a new pin for the {x}|reset pin of the {x}|forgot the pin of my {x}",
    ],
  },
  {
    name: "bank pt",
    slots: {
      x: list(
        "cartão de débito, conta conjunta, cartão de viagem, conta universitária, conta empresarial, cartão virtual, cartão adicional, conta salário",
      ),
    },
    intents: [
      "como abro uma {x}|o que preciso para ter {x}|quero pedir {x}|abertura de {x}, como funciona",
      "perdi meu {x}|meu {x} sumiu|roubaram o meu {x}|não encontro o {x} em lugar nenhum",
      "como encerro o {x}|quero encerrar o {x}|por favor cancele o {x}|qual o jeito de cancelar o {x}",
      "quais são as tarifas do {x}|quanto custa o {x} por mês|o {x} tem taxa|preço mensal do {x}",
      "qual é o limite do {x}|quanto posso gastar com o {x}|gasto máximo do {x}|me diga o limite do {x}",
      "por que o pagamento com {x} foi recusado|meu {x} falhou na loja|a compra com o {x} deu erro|o {x} foi recusado no caixa",
      "posso usar o {x} no exterior|o {x} funciona em outros países|o {x} vale em viagens|usar o {x} fora do país",
      "como troco a senha do {x}|preciso de uma senha nova do {x}|redefinir senha do {x}|esqueci a senha do {x}",
    ],
  },
  {
    name: "facts en",
    slots: {
      x: list(
        "Verdania, Port Amsel, Kelloway, Mount Oriel, Tarvik, Lake Sunder, Brightmoor, Estelle Vance, Corin Hale, Maro Dunn, Ilsa Trent, the Quill Society, Halden Works, Norrish Press, the Amber Line",
      ),
    },
    intents: [
      "who founded {x}|{x} was founded by whom|name the founder of {x}|the person who established {x}",
      "when was {x} founded|in which year did {x} begin|what is the founding year of {x}|since when does {x} exist",
      "where is {x} located|what is the location of {x}|{x} can be found where|in which region is {x}",
      "what is {x} known for|why is {x} famous|what made {x} well known|{x} is famous for what",
      "what language is used by {x}|which language is spoken at {x}|{x} communicates in which language|official language of {x}",
      "what is {x} named after|where does the name {x} come from|origin of the name {x}|how did {x} get its name",
      "who owns {x}|{x} is owned by whom|name the owner of {x}|{x} belongs to whom",
      "who designed {x}|{x} was designed by whom|name the designer of {x}|the architect behind {x}",
    ],
  },
  {
    name: "facts pt",
    slots: {
      x: list(
        "Verdânia, Porto Amsel, Colina Velha, Monte Oriel, Tarvique, Lagoa Sunda, Campo Claro, Estela Vance, Corino Reis, Maro Dantas, Ilsa Trento, Sociedade da Pena, Oficinas Halden, Editora Norte",
      ),
    },
    intents: [
      "quem fundou {x}|{x} teve qual fundador|diga o fundador de {x}|a pessoa que criou {x}",
      "em que ano {x} começou|qual é o ano de fundação de {x}|desde que ano existe {x}|ano em que surgiu {x}",
      "onde fica {x}|qual é a localização de {x}|em que região está {x}|{x} fica em que lugar",
      "pelo que {x} é conhecida|por que {x} é famosa|o que tornou {x} famosa|qual o motivo da fama de {x}",
      "que língua se usa em {x}|qual o idioma de {x}|em que idioma se comunica {x}|idioma oficial de {x}",
      "de onde vem o nome {x}|qual a origem do nome {x}|como {x} recebeu esse nome|o que deu nome a {x}",
      "quem é dono de {x}|{x} pertence a quem|diga o proprietário de {x}|quem possui {x}",
      "quem projetou {x}|diga o projetista de {x}|o arquiteto responsável por {x}|de quem é o projeto de {x}",
    ],
  },
  {
    name: "advice en",
    slots: {
      x: list(
        "sourdough, watercolor painting, chess openings, public speaking, marathon training, beekeeping, woodworking, calligraphy, photography, gardening, meditation, juggling, astronomy, pottery, sailing, knitting",
      ),
    },
    intents: [
      "how do i get better at {x}|what is the best way to improve at {x}|tips to improve my {x}|how can i become good at {x}",
      "how do i start with {x}|what should a beginner in {x} know|how can i learn {x} from scratch|first steps in {x}",
      "what equipment do i need for {x}|which tools are needed for {x}|what gear should i buy for {x}|list of supplies for {x}",
      "is {x} worth it|should i take up {x}|is it a good idea to try {x}|what is so great about {x}",
      "what are the best books about {x}|which book on {x} should i read|can you recommend books for {x}|good reading on {x}",
      "how long does it take to learn {x}|how much time is needed for {x}|how many hours until i master {x}|time required to learn {x}",
      "what are common mistakes in {x}|what do people get wrong in {x}|errors that beginners make in {x}|pitfalls of {x}",
      "can children do {x}|is {x} suitable for kids|at what age can one begin {x}|{x} for children",
      "who is the most famous expert in {x}|who are great masters of {x}|top names in {x}|the best known people of {x}",
      "what is the history of {x}|where did {x} come from|how did {x} begin in the world|origins of {x}",
    ],
  },
  {
    name: "advice pt",
    slots: {
      x: list(
        "panificação, aquarela, aberturas de xadrez, oratória, treino de maratona, apicultura, marcenaria, caligrafia, fotografia, jardinagem, meditação, malabarismo, astronomia, cerâmica, vela, tricô",
      ),
    },
    intents: [
      "como melhoro em {x}|qual a melhor forma de melhorar em {x}|dicas para evoluir em {x}|como ficar bom em {x}",
      "como começo em {x}|o que um iniciante em {x} deve saber|como aprender {x} do zero|primeiros passos em {x}",
      "que equipamento preciso para {x}|quais ferramentas são necessárias para {x}|o que devo comprar para {x}|lista de materiais para {x}",
      "vale a pena {x}|devo tentar {x}|é uma boa ideia fazer {x}|o que há de bom em {x}",
      "quais os melhores livros sobre {x}|que livro de {x} devo ler|pode recomendar livros de {x}|boa leitura sobre {x}",
      "quanto tempo leva para aprender {x}|quanto tempo preciso para {x}|quantas horas até dominar {x}|tempo necessário para {x}",
      "quais os erros comuns em {x}|o que as pessoas erram em {x}|erros de iniciantes em {x}|armadilhas de {x}",
      "crianças podem fazer {x}|{x} serve para crianças|com que idade se começa {x}|{x} para os pequenos",
      "quem é o maior especialista em {x}|quem são os mestres de {x}|principais nomes de {x}|pessoas mais conhecidas de {x}",
      "qual é a história de {x}|de onde veio {x}|como surgiu {x} no mundo|origens de {x}",
    ],
  },
];

const OPENINGS: Readonly<Record<"en" | "pt", readonly string[]>> = {
  en: ["", "", "", "hi, ", "please tell me, ", "i have a question: ", "quick question, ", "can you help, "],
  pt: ["", "", "", "oi, ", "por favor, ", "tenho uma dúvida: ", "uma pergunta, ", "pode ajudar, "],
};

/** One stream for each domain, shuffled, each question once. */
export function ownStreams(random: () => number): Stream[] {
  return DOMAINS.map(({ name, slots, intents }) => {
    const openings = OPENINGS[name.endsWith("pt") ? "pt" : "en"];
    const rows = new Map<string, number>();
    let number = 0;
    for (const intent of intents) {
      for (const thing of slots["x"] ?? []) {
        for (const way of intent.split("|")) {
          for (let copy = 0; copy < 2; copy++) {
            const opening = openings[Math.floor(random() * openings.length)]!;
            const text = opening + way.replace("{x}", thing);
            rows.set(random() < 0.5 ? text : `${text.charAt(0).toUpperCase()}${text.slice(1)}?`, number);
          }
        }
        number++;
      }
    }
    return { name, prompts: [...rows.keys()], classes: Int32Array.from(rows.values()) };
  });
}
