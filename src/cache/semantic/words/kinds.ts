import { words } from "./word-list.ts";

/**
 * Kinds of things of which a question is about one or another, folded; synonyms and translations are joined by `=`. Two texts
 * that each name one that the other does not name are about different things, however alike the rest is. Names with a
 * capital letter are found without a list; these are for those who type in lower case, and for things that have no capital.
 */
const KINDS = `
  place: africa europe=europa asia america=usa=us=eua=eeuu oceania antarctica=antartida
    afghanistan=afeganistao argentina australia austria=austria bangladesh belgium=belgica=belga bolivia brazil=brasil=brazilian=brasileiro=brasileira bulgaria
    cameroon=camaroes canada=canadian=canadense chile china=chinese=chines=chinesa colombia croatia=croacia cuba czechia=tchequia denmark=dinamarca egypt=egito england=inglaterra=english ethiopia=etiopia finland=finlandia
    france=franca=francia=french=frances=francesa germany=alemanha=alemania=german=alemao=alema ghana greece=grecia=greek=grego hungary=hungria iceland=islandia india=indian=indiano indonesia iran=ira iraq=iraque ireland=irlanda=irish
    israel italy=italia=italian=italiano=italiana jamaica japan=japao=japon=japanese=japones=japonesa jordan=jordania kenya=quenia korea=coreia=korean=coreano kuwait lebanon=libano libya=libia malaysia=malasia mexico=mexican=mexicano
    morocco=marrocos=marruecos nepal netherlands=holanda=dutch=holland nigeria norway=noruega pakistan=paquistao panama paraguay peru philippines=filipinas poland=polonia=polish portugal=portuguese=portugues=portuguesa
    qatar=catar romania=romenia russia=russian=russo=russa scotland=escocia=scottish serbia=servia singapore=cingapura=singapura somalia spain=espanha=espana=spanish=espanhol=espanhola sudan=sudao sweden=suecia=swedish=sueco switzerland=suica=suiza=swiss=suico syria=siria taiwan
    thailand=tailandia=thai tunisia turkey=turquia=turkish=turco ukraine=ucrania uganda uruguay venezuela vietnam=vietna wales=gales yemen=iemen zambia zimbabwe=zimbabue angola mocambique=mozambique
    uk=britain=inglaterra
    amsterdam athens=atenas atlanta bangalore=bengaluru bangkok barcelona beijing=pequim berlin=berlim boston brussels=bruxelas budapest cairo calgary chicago copenhagen=copenhague dallas delhi=deli denver detroit
    dubai dublin edinburgh frankfurt geneva=genebra hamburg houston hyderabad istanbul jakarta jerusalem kyiv=kiev kolkata lagos lima lisbon=lisboa london=londres lyon madrid manchester
    melbourne miami milan=milao montreal moscow=moscou=moscovo mumbai=bombay munich=munique nairobi naples=napoles osaka oslo ottawa paris philadelphia phoenix prague=praga rome=roma seattle
    seoul=seul shanghai=xangai stockholm=estocolmo sydney tehran=teera tokyo=toquio toronto vancouver venice=veneza vienna=viena warsaw=varsovia washington zurich=zurique
    brasilia rio salvador fortaleza recife curitiba manaus belem goiania campinas florianopolis natal porto braga coimbra faro aveiro evora sevilla=seville=sevilha valencia bogota caracas quito santiago havana=habana
    california texas florida alaska hawaii nevada arizona colorado oregon utah ohio michigan georgia virginia boston tennessee kentucky bahia parana ceara pernambuco goias
  planet: mercury=mercurio venus earth=terra=tierra mars=marte jupiter saturn=saturno uranus=urano neptune=netuno pluto=plutao moon=lua=luna sun=sol
  colour: red=vermelho=vermelha=rojo=roja blue=azul green=verde yellow=amarelo=amarela=amarillo orange=laranja purple=roxo=roxa=violet=violeta=morado pink=rosa black=preto=preta=negro=negra white=branco=branca=blanco=blanca brown=marrom=castanho grey=gray=cinza=gris gold=dourado silver=prata
  room: kitchen=cozinha=cocina bedroom=bedrooms=quarto=quartos=dormitorio=habitacion=recamara bathroom=banheiro=wc=bano garage=garagem=garaje office=escritorio=oficina=despacho hall=hallway=corredor=pasillo=hall sala=salon=livingroom=lounge living garden=jardim=jardin=quintal yard=patio basement=porao=cave=sotano attic=sotao=atico balcony=varanda=terraza=terraco laundry=lavanderia library=biblioteca nursery
  device: light=lights=lamp=lamps=luz=luzes=luces=lampada=lampadas=candeeiro=bombilla fan=fans=ventoinha=ventoinhas=ventilador=ventiladores door=doors=porta=portas=puerta=puertas window=windows=janela=janelas=ventana=ventanas curtain=curtains=cortina=cortinas blind=blinds=estore=estores=persiana=persianas tv=television=televisao=televisor=televisores=televisiones thermostat=termostato heater=aquecedor=calefaccion oven=forno=horno fridge=refrigerator=geladeira=frigorifico alarm=alarme=alarma timer=timers=temporizador=temporizadores camera=cameras=camara vacuum=aspirador=aspiradora socket=outlet=tomada=tomadas=enchufe switch=interruptor speaker=speakers=coluna=altavoz lock=fechadura=cerradura gate=portao battery=bateria=baterias=pilha
  language: python java javascript typescript ruby php golang rust kotlin swift scala perl haskell matlab sql html css cpp csharp
  software: react angular vue svelte django flask spring rails laravel nextjs windows linux macos ubuntu debian android ios mysql postgresql=postgres mongodb redis sqlite oracle excel word powerpoint photoshop docker kubernetes aws azure gcp git svn npm yarn pip conda tensorflow pytorch keras jenkins terraform ansible kafka rabbitmq nginx apache chrome firefox safari edge
  brand: google apple microsoft amazon facebook=meta twitter instagram whatsapp telegram snapchat tiktok youtube netflix spotify uber lyft airbnb linkedin quora reddit wikipedia paypal visa mastercard amex samsung nokia sony lg motorola xiaomi huawei toyota honda ford bmw audi mercedes tesla nissan volkswagen fiat renault pepsi coke=coca nike adidas walmart nubank itau bradesco santander
  coin: bitcoin=btc ethereum=eth=ether litecoin=ltc dogecoin=doge ripple=xrp solana cardano
  market: dollar=dolar euro yen=iene pound=libra gold=ouro=oro oil=petroleo silver=prata stocks=acoes=acciones bonds futures=futuros options=opcoes forex
  sport: football=futebol=futbol=soccer basketball=basquete=baloncesto tennis=tenis volleyball=volei baseball=beisebol hockey golf=golfe cricket rugby swimming=natacao boxing=boxe chess=xadrez
  animal: dog=dogs=cachorro=cao=caes=perro=perros cat=cats=gato=gata=gatos horse=horses=cavalo=caballo bird=birds=passaro=aves fish=peixe=peixes=pez cow=cows=vaca=vacas pig=pigs=porco=cerdo chicken=galinha=frango=pollo rabbit=coelho sheep=ovelha=oveja lion=leao=leon tiger=tigre elephant=elefante bear=urso=oso snake=cobra=serpiente spider=aranha whale=baleia shark=tubarao monkey=macaco wolf=lobo mouse=rato rat
  food: rice=arroz bread=pao=pan pasta=macarrao=massa pizza beef=carne=bife pork potato=batata=papa tomato=tomate onion=cebola cheese=queijo=queso milk=leite=leche coffee=cafe tea=cha=te beer=cerveja=cerveza wine=vinho=vino water=agua juice=suco=sumo=jugo apple=maca=manzana banana orange=laranja=naranja lemon=limao=limon egg=eggs=ovo=ovos=huevo soup=sopa cake=bolo chocolate sugar=acucar salt=sal butter=manteiga
  relative: father=pai mother=mae brother=irmao sister=irma son=filho daughter=filha husband=marido wife=esposa uncle=tio aunt=tia grandfather=avo cousin=primo nephew=sobrinho niece=sobrinha boyfriend=namorado girlfriend=namorada
  instrument: guitar=guitarra=violao piano drums=bateria violin=violino flute=flauta bass=baixo saxophone=saxofone trumpet=trompete cello
  body: head=cabeca arm=braco hand=mao leg=perna foot=pe eye=olho ear=ouvido=orelha nose=nariz mouth=boca tooth=teeth=dente=dentes neck=pescoco knee=joelho shoulder=ombro stomach=estomago heart=coracao lung=lungs=pulmao liver=figado kidney=rim brain=cerebro skin=pele hair=cabelo
  diet: keto vegan=vegano vegetarian=vegetariano paleo
  exam: sat act gre gmat toefl ielts neet jee cat upsc gate enem fuvest
  account: checking=corrente savings=poupanca credit=credito debit=debito
  wallet: mortgage=hipoteca insurance=seguro loan=emprestimo
  degree: mba phd bachelor=bacharelado master=mestrado doctorate=doutorado
  religion: islam=muslim=muslims=muculmano christianity=christian=christians=cristao hinduism=hindu=hindus judaism=jew=jews=judeu buddhism=buddhist=budista atheism=atheist
  metal: iron=ferro copper=cobre aluminium=aluminum=aluminio steel=aco zinc=zinco lead=chumbo nickel=niquel
  element: oxygen=oxigenio hydrogen=hidrogenio nitrogen=nitrogenio=azoto carbon=carbono helium=helio
  frequency: hourly=horario daily=diario=diaria=diarios weekly=semanal=semanais fortnightly=biweekly=quinzenal monthly=mensal=mensais=mensual quarterly=trimestral biannual=semestral yearly=annual=annually=anual=anuais
  age: baby=babies=bebe=bebes=infant=infants child=children=kid=kids=crianca=criancas=nino=ninos teenager=teenagers=teen=teens=adolescente=adolescentes adult=adults=adulto=adultos senior=seniors=elderly=idoso=idosos
  cabin: economy=economica business=executiva
  person: fisica juridica
  computer: phone=phones=smartphone=celular=telefone tablet=tablets laptop=laptops=notebook desktop=desktops
  disaster: fire=fires=incendio=fogo flood=floods=water=agua=enchente=inundacao theft=roubo earthquake=terremoto storm=tempestade
  party: republican=republicans=republicano democrat=democrats=democrata
  protocol: http https ftp ssh smtp imap tcp udp grpc rest graphql websocket oauth jwt saml
  format: json xml yaml csv pdf docx png jpeg=jpg gif svg mp3 mp4 wav
`;

interface Thing {
  readonly kind: string;
  readonly name: string;
}

const THINGS: ReadonlyMap<string, readonly Thing[]> = build();

function build(): Map<string, Thing[]> {
  const things = new Map<string, Thing[]>();
  let kind = "";
  for (const token of words(KINDS)) {
    if (token.endsWith(":")) {
      kind = token.slice(0, -1);
      continue;
    }
    const [name, ...synonyms] = token.split("=");
    for (const word of [name!, ...synonyms]) things.set(word, [...(things.get(word) ?? []), { kind, name: name! }]);
  }
  return things;
}

/** Whether two folded words are two things of one kind. */
export function areRivals(a: string, b: string): boolean {
  const left = THINGS.get(a);
  const right = THINGS.get(b);
  if (left === undefined || right === undefined) return false;
  if (left.some((one) => right.some((other) => other.kind === one.kind && other.name === one.name))) return false;
  return left.some((one) => right.some((other) => other.kind === one.kind));
}

/** Whether two folded words stand for the same thing: synonyms, translations, a country and its people. */
export function areSameThing(a: string, b: string): boolean {
  const left = THINGS.get(a);
  const right = THINGS.get(b);
  return (
    left !== undefined &&
    right !== undefined &&
    left.some((one) => right.some((other) => other.kind === one.kind && other.name === one.name))
  );
}

/** {@link areRivals} for any word of the one list with any of the other. */
export function anyRivals(a: readonly string[], b: readonly string[]): boolean {
  const things = b.filter(isThing);
  return things.length > 0 && a.some((word) => isThing(word) && things.some((other) => areRivals(word, other)));
}

/** Whether a folded word is on any of the lists. */
export function isThing(word: string): boolean {
  return THINGS.has(word);
}

/** Whether a folded word is a name that is often typed without its capital letter. */
export function isKnownName(word: string): boolean {
  return THINGS.get(word)?.some(({ kind }) => NAMED.has(kind)) ?? false;
}

const NAMED: ReadonlySet<string> = new Set(["place", "language", "software", "brand", "coin", "protocol", "exam"]);
