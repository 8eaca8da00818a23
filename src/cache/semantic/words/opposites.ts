import { words } from "./word-list.ts";

/**
 * Words that turn a question into another one, folded. A side is a list of words that mean the same here; two texts contradict when
 * what only the one has is on one side, and what only the other has is on the other side.
 */
const PAIRS = `
  on ligar liga ligue ligado ligada ligados ligadas acender acende acenda aceso acesa acesas encender enciende encienda encendido | off desligar desliga desligue desligado desligada desligados desligadas apagar apaga apague apagado apagada apagadas
  open opened opens opening abrir abre abra aberto aberta abertos abertas abierto abierta abiertas | close closed closes closing shut fechar fecha feche fechado fechada fechados fechadas cerrar cierra cierre cerrado cerrada cerradas
  enable enabled enables enabling activate activated activating ativar ativa ative ativado ativada activar activa active activado habilitar habilita habilite habilitado | disable disabled disables disabling deactivate deactivated deactivating desativar desativa desative desativado desativada desactivar desactiva desactive desactivado desabilitar desabilita desabilite deshabilitar
  increase increased increases increasing raise raised raises raising grow growing boost aumentar aumenta aumente aumentado subir sobe suba crescer elevar gain gaining ganhar sube | decrease decreased decreases decreasing reduce reduced reduces reducing lower lowered lowering shrink diminuir diminui diminua reduzir reduz reduza reducir baixar baixa baixe bajar baja descer desce drop lose losing perder
  start started starts starting begin begins beginning iniciar inicia inicie comecar comeca comece launch resume retomar | stop stopped stops stopping end ends ending finish parar para pare terminar termina termine encerrar encerre encerra detener quit pause pausar
  buy buys buying bought purchase purchasing comprar compra compre comprando compro long | sell sells selling sold sale vender vende venda vendo vendendo short
  lend lends lending lent emprestar emprestei | borrow borrows borrowing
  deposit deposits depositing depositar deposito | withdraw withdraws withdrawing withdrawal sacar saque levantar levantamento retirar
  send sends sending sent enviar envia envie enviado mandar manda mandei | receive receives receiving received get receber recebe recebido recebo recibir
  import imports importing imported importar importacao | export exports exporting exported exportar exportacao
  upload uploads uploading carregar enviar | download downloads downloading baixar descarregar
  encrypt encrypting encryption encriptar criptografar cifrar | decrypt decrypting decryption decriptar descriptografar decifrar
  encode encoding codificar | decode decoding decodificar
  compress compressing compression compactar comprimir zip | decompress decompression descompactar descomprimir unzip extract
  install installing installed instalar instalo instale | uninstall uninstalling uninstalled desinstalar desinstalo desinstale
  add adds adding added adicionar adiciona adicione acrescentar insert inserting inserir include incluir inclua create creating criar crie | remove removes removing removed delete deletes deleting deleted erase remover remove remova excluir exclua eliminar elimina elimine apagar tirar retirar quitar deletar cancel cancelar cancela cancele drop subtract
  push pushing empurrar | pull pulling puxar
  connect connects connecting connected conectar conecta conecte conectado | disconnect disconnects disconnecting disconnected desconectar desconecta desconecte desconectado
  subscribe subscribing subscription inscrever assinar | unsubscribe unsubscribing unsubscription desinscrever
  lock locks locked locking trancar tranca tranque trancado bloquear bloqueia bloqueie bloqueado block blocked blocking bloquea | unlock unlocks unlocked unlocking destrancar destranca destranque destrancado desbloquear desbloqueia desbloqueie desbloqueado unblock unblocked unblocking desbloquea
  allow allows allowed allowing permit permitted permitir permite permita autorizar | forbid forbidden forbids prohibit prohibited ban banned deny denied denies proibir proibe proiba proibido prohibir negar
  accept accepts accepted accepting aceitar aceita aceite aceito aceptar approve approved aprovar | reject rejects rejected rejecting refuse refused decline declined rejeitar rejeita rejeite recusar recusa rechazar
  win wins winning won ganhar vencer ganar | lose loses losing lost perder
  love loves loved loving like amar amo gostar | hate hates hated hating dislike odiar odeio detestar
  show shows showing mostrar mostra mostre exibir | hide hides hiding hidden esconder esconde esconda ocultar
  before antes | after depois apos despues
  above acima over sobre encima | below abaixo under beneath underneath sob debajo embaixo
  inside within dentro indoor indoors | outside fora outdoor outdoors fuera
  left esquerda esquerdo izquierda | right direita direito derecha
  up upward upwards cima arriba acima bullish alta bull | down downward downwards baixo abajo abaixo bearish bear
  front frente frontal delante | back rear tras traseiro traseira atras
  top topo superior arriba | bottom fundo inferior base
  north norte northern | south sul sur southern
  east leste este eastern | west oeste western
  many much muitos muitas muchos | few little poucos poucas pocos
  since desde | until till ate hasta
  gross bruto bruta | net liquido liquida
  wholesale atacado | retail varejo
  living vivo viva vivos vivas | dead morto morta mortos mortas
  remaining restante restantes | used usado usados utilizado
  national nacional domestic | imported importado foreign estrangeiro international internacional
  more mais mas greater plus maior | less fewer menos smaller menor
  maximum max maximo maxima maximize maximizar maximise | minimum min minimo minima minimize minimizar minimise
  most | least
  best better melhor melhores mejor mejores | worst worse pior piores peor peores
  highest tallest longest largest biggest maior maiores mayor alto alta | lowest shortest smallest menor menores baixo baixa
  high higher tall alto alta altos altas | low lower short baixo baixa baixos baixas bajo baja
  big bigger large larger grande grandes | small smaller little tiny pequeno pequena pequenos pequenas
  fast faster fastest quick rapido rapida rapidos | slow slower slowest lento lenta lentos devagar despacio
  hot hotter hottest warm quente quentes caliente | cold colder coldest cool frio fria frios
  old older oldest velho velha antigo antiga mais-velho | new newer newest young younger youngest novo nova jovem recente nuevo joven
  earliest early cedo temprano earlier | latest late tarde later
  long longer longo longa longos comprido | short shorter shortest curto curta curtos
  light lighter lightest leve leves claro clara | heavy heavier heaviest dark darker pesado pesada escuro escura
  strong stronger strongest forte fortes | weak weaker weakest fraco fraca fracos
  good bom boa bons boas bueno buena | bad ruim mau ma maus malo mala
  cheap cheaper cheapest barato barata baratos baratas | expensive dearer caro cara caros caras
  easy easier easiest facil faceis | hard harder hardest difficult dificil dificeis
  safe safer safest seguro segura | dangerous unsafe perigoso perigosa inseguro peligroso
  rich ricos rico rica | poor pobre pobres
  full cheio cheia lleno | empty vazio vazia vacio
  dry seco seca | wet molhado molhada mojado umido
  hard-boiled | soft
  always sempre siempre | never nunca jamais jamas
  all every everyone everything todos todas tudo cada todo | none nobody nothing nenhum nenhuma ninguem nada ninguno nadie some alguns algumas any
  first primeiro primeira | last ultimo ultima final
  next proximo proxima seguinte proximos upcoming following | previous anterior ultimo ultima last past prior passado passada
  arrive arrives arriving arrival arrivals chegar chega chegada chegadas llegada llegar | depart departs departing departure departures leave leaves leaving partir parte partida partidas salida sair saida
  enter entry entrance entrar entrada | exit leave sair saida salir salida
  alive living vivo viva | dead died deceased morto morta morreu muerto
  true verdadeiro verdadeira verdade | false falso falsa
  positive positivo positiva | negative negativo negativa
  public publico publica | private privado privada
  internal interno interna | external externo externa
  input entrada | output saida
  income revenue renda receita receitas | expense expenses cost costs despesa despesas gasto gastos
  profit profits lucro lucros gain gains | loss losses prejuizo prejuizos perda perdas
  credit credito | debit debito
  asset assets ativo ativos | liability liabilities passivo passivos
  supply oferta | demand demanda procura
  male man men boy homem homens menino meninos masculino macho | female woman women girl mulher mulheres menina meninas feminino femea
  husband marido esposo | wife esposa mulher
  father dad pai padre | mother mom mum mae madre
  son filho | daughter filha
  brother irmao hermano | sister irma hermana
  king rei rey | queen rainha reina
  parent parents pais | child children filhos
  teacher professor professora | student students aluno aluna
  employer empregador patrao | employee employees empregado funcionario
  tenant inquilino locatario | landlord owner proprietario locador senhorio
  seller vendedor | buyer comprador customer
  server servidor | client cliente
  advantage advantages pros benefit benefits vantagem vantagens beneficio beneficios | disadvantage disadvantages cons drawback drawbacks desvantagem desvantagens risk risks
  cause causes causa causas | effect effects consequence consequences symptom symptoms efeito efeitos consequencia sintoma sintomas cure treatment
  success sucesso | failure fracasso falha
  legal licito | illegal illicit ilegal
  hire hired hiring contratar contrata | fire fired firing demitir demissao despedir
  marry married casar casado | divorce divorced divorciar divorciado
  encourage incentivar | discourage desincentivar prevent avoid
  save saving economizar poupar salvar | spend spending gastar waste discard
  remember lembrar | forget esquecer esqueci
  sync synchronous sincrono | async asynchronous assincrono
  vertical | horizontal
  ascending crescente asc | descending decrescente desc
  serial sequential | parallel concurrent paralelo
  lossless | lossy
  read reading ler leitura | write writing escrever escrita
  minor | major
  plural | singular
  day dia diurno | night noite noturno
  sunrise nascer amanhecer | sunset por-do-sol anoitecer
  wake acordar acorde despertar | sleep dormir
  sit sitting sentar sentado sentada | stand standing levantar em-pe
  give gives giving gave dar da dei | take takes taking took tomar tirar pegar
  teach teaching ensinar ensina | learn learning aprender aprende
  ask asking perguntar | answer answering responder
  mute mutar silenciar | unmute desmutar
  follow seguir siga | unfollow
  freeze freezing congelar | thaw melt descongelar derreter
  expand expandir | collapse recolher contract
  attack atacar ataque | defend defense defender defesa
  import-duty | export-duty
  wet-season | dry-season
  promote promoted promover | demote demoted rebaixar
  inhale inspirar | exhale expirar
  ignore ignorar | include incluir
  commit confirmar | revert rollback undo reverter desfazer
  do fazer | undo desfazer
  debtor devedor | creditor credor
`;

interface Sides {
  /** Opposites that the word is on the first side of. */
  readonly first: Set<number>;
  readonly second: Set<number>;
}

const SIDES: ReadonlyMap<string, Sides> = build();

function build(): Map<string, Sides> {
  const sides = new Map<string, Sides>();
  const of = (word: string): Sides => {
    let known = sides.get(word);
    if (known === undefined) sides.set(word, (known = { first: new Set(), second: new Set() }));
    return known;
  };
  for (const [index, line] of PAIRS.trim().split("\n").entries()) {
    const [first, second] = line.split("|");
    for (const word of words(first ?? "")) of(word).first.add(index);
    for (const word of words(second ?? "")) of(word).second.add(index);
  }
  return sides;
}

/** Prefixes that turn a word into its opposite, in English and Portuguese. */
const TURNING = /^(?:un|dis|non|in|im|il|ir|des|anti|de)(?=.{4})/;

/** Whether two folded words mean opposite things, in any of their forms. */
export function areOpposite(a: string, b: string): boolean {
  return areListed(a, b) || isTurned(a, b) || isTurned(b, a) || areCountered(a, b);
}

/** {@link areOpposite} for any word of the one list with any of the other, in a time that grows with their lengths alone. */
export function anyOpposite(a: readonly string[], b: readonly string[]): boolean {
  const listed = b.filter((word) => sidesOf(word).length > 0);
  if (listed.length > 0 && a.some((word) => listed.some((other) => areListed(word, other)))) return true;
  return anyTurned(a, b) || anyTurned(b, a) || a.some((one) => b.some((other) => areCountered(one, other)));
}

function anyTurned(long: readonly string[], short: readonly string[]): boolean {
  const known = new Set(short);
  return long.some((word) => {
    const base = word.replace(TURNING, "");
    return base !== word && known.has(base) && isTurned(word, base);
  });
}

/** Prefixes that stand for opposite things before one and the same rest: import and export, hypertension and hypotension. */
const COUNTERED: readonly (readonly [string, string])[] = [
  ...[
    ["hyper", "hypo"],
    ["hiper", "hipo"],
    ["inter", "intra"],
    ["macro", "micro"],
    ["pre", "post"],
    ["pre", "pos"],
  ],
  ...[
    ["over", "under"],
    ["super", "sub"],
    ["sobre", "sub"],
    ["endo", "exo"],
    ["im", "ex"],
    ["in", "ex"],
    ["up", "down"],
    ["up", "off"],
  ],
  ...[
    ["mono", "poly"],
    ["mono", "poli"],
    ["homo", "hetero"],
    ["uni", "bi"],
    ["uni", "multi"],
    ["intro", "extro"],
    ["in", "out"],
  ],
  ...[
    ["en", "de"],
    ["in", "de"],
    ["at", "de"],
    ["as", "des"],
    ["maxi", "mini"],
    ["pro", "anti"],
    ["ante", "pos"],
  ],
] as [string, string][];

function areCountered(a: string, b: string): boolean {
  if (a.length < 5 || b.length < 5 || a.at(-1) !== b.at(-1)) return false;
  return COUNTERED.some(([one, other]) => isCountered(a, b, one, other) || isCountered(b, a, one, other));
}

function isCountered(a: string, b: string, one: string, other: string): boolean {
  return a.startsWith(one) && b.startsWith(other) && a.length - one.length >= 3 && a.slice(one.length) === b.slice(other.length);
}

function areListed(a: string, b: string): boolean {
  const right = sidesOf(b);
  if (right.length === 0) return false;
  return sidesOf(a).some((one) =>
    right.some((other) => {
      for (const index of one.first) if (other.second.has(index)) return true;
      for (const index of one.second) if (other.first.has(index)) return true;
      return false;
    }),
  );
}

/** Endings, and what dictionaries have in their place; in English and Portuguese. */
const ENDINGS: readonly (readonly [RegExp, readonly string[]])[] = [
  [/s$/, [""]],
  [/ies$/, ["y"]],
  [/(?:ed|ing)$/, ["", "e"]],
  [/(?:ou|ei|am|aram|ava|avam|ando|amos|ado|ada|ados|adas|asse|aria|ara|arei|a|o|e|em|as)$/, ["ar"]],
  [/(?:eu|eram|ia|iam|endo|emos|ido|ida|e|em|o|a)$/, ["er", "ir"]],
  [/(?:iu|iram|indo|imos|i)$/, ["ir"]],
];

const NO_SIDES: readonly Sides[] = [];

function sidesOf(word: string): readonly Sides[] {
  const listed = SIDES.get(word);
  if (listed !== undefined) return [listed];
  if (word.length < 4) return NO_SIDES;
  const found = new Set<Sides>();
  for (const [ending, bases] of ENDINGS) {
    if (!ending.test(word)) continue;
    for (const base of bases) {
      const sides = SIDES.get(word.replace(ending, base));
      if (sides !== undefined) found.add(sides);
    }
  }
  return [...found];
}

function isTurned(long: string, short: string): boolean {
  return long.length > short.length && short.length >= 4 && TURNING.test(long) && long.replace(TURNING, "") === short;
}

/** Whether a folded word is on a side of any opposition: it must not be taken for one without meaning. */
export function isPolar(word: string): boolean {
  return SIDES.has(word);
}

/** Words that say no; `no` does in English and Spanish alone, where it is no contraction of "in the". */
export const NEGATORS: ReadonlySet<string> = new Set(
  words(`not non hardly barely scarcely rarely seldom never without none nobody nothing neither nor cannot cant wont dont doesnt didnt isnt arent wasnt werent couldnt wouldnt shouldnt
  hasnt havent hadnt mustnt aint noone except excluding unless unable
  nao nunca raramente dificilmente sem nem nenhum nenhuma ninguem nada jamais exceto salvo
  sin ni ningun ninguno ninguna nadie jamas excepto tampoco`),
);

/** Verbs that say no about what follows them. Synonyms of one another, so only their number counts. */
export const AVERTERS: ReadonlySet<string> = new Set(
  words(`avoid avoids avoiding avoided prevent prevents preventing prevented stop stops stopping stopped quit quitting cease refuse refusing
  eliminate overcome fail fails failed failing lack lacks lacking rid refrain exclude
  evitar evita evite evitando evito impedir impede impeca parar pare deixar deixo prevenir previne eliminar superar falhar falha livrar excluir dejar`),
);
