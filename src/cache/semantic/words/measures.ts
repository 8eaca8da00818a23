import { named } from "./word-list.ts";

/** Units and currencies by the words for them, folded. Only those of four letters or more, and `%`, count without a number before. */
export const UNITS: ReadonlyMap<string, string> = named(`
  second: sec secs seconds segundos segs
  minute: min mins minutes minuto minutos
  hour: h hr hrs hours hora horas
  day: days dia dias
  week: weeks semana semanas
  month: months mes meses
  year: yr yrs years ano anos
  decade: decades decada decadas
  century: centuries seculo seculos siglo
  millisecond: ms milliseconds milissegundo milissegundos
  millimeter: mm millimeters millimetre millimetres milimetro milimetros
  centimeter: cm centimeters centimetre centimetres centimetro centimetros
  meter: m meters metre metres metro metros
  kilometer: km kms kilometers kilometre kilometres quilometro quilometros kilometro kilometros
  inch: inches polegada polegadas pulgada pulgadas
  foot: ft feet
  yard: yards jarda jardas
  mile: mi miles milha milhas millas
  mph: 
  kmh: kmph
  milligram: mg milligrams miligrama miligramas
  gram: g grams grama gramas gramos
  kilogram: kg kgs kilo kilos kilograms quilo quilos quilograma quilogramas
  ounce: oz ounces onca oncas
  pound: lb lbs pounds libra libras
  ton: tons tonne tonnes tonelada toneladas
  milliliter: ml milliliters millilitre mililitro mililitros
  liter: l liters litre litres litro litros
  gallon: gallons galao galoes galon galones
  cup: cups xicara xicaras chavena chavenas
  tablespoon: tbsp tablespoons
  teaspoon: tsp teaspoons
  celsius: centigrade centigrados
  fahrenheit: 
  kelvin: 
  degree: degrees grau graus grados
  watt: w watts
  kilowatt: kw kilowatts quilowatt quilowatts
  volt: v volts
  byte: bytes
  kilobyte: kb kilobytes
  megabyte: mb megabytes
  gigabyte: gb gigabytes
  terabyte: tb terabytes
  hertz: hz
  megahertz: mhz
  gigahertz: ghz
  percent: % percents porcento
  dollar: $ usd us$ dollars dolar dolares bucks
  cent: cents centavo centavos
  euro: € eur euros
  real: r$ brl reais
  sterling: £ gbp
  yen: ¥ jpy yens iene ienes
  rupee: ₹ inr rs rupees rupia rupias
  peso: pesos
  franc: chf francs franco francos
  bitcoin: btc bitcoins
  acre: acres
  hectare: hectares
  calorie: calories kcal caloria calorias
`);

/** Days, months, seasons and times of day by the words for them, folded. `may` and `march` are looked at in their context. */
export const DATES: ReadonlyMap<string, string> = named(`
  monday: mon segunda lunes
  tuesday: tue tues terca martes
  wednesday: wed quarta miercoles
  thursday: thu thurs quinta jueves
  friday: fri sexta viernes
  saturday: sabado
  sunday: domingo
  weekend: weekends findesemana
  january: jan janeiro enero
  february: feb fevereiro fev febrero
  march: marco marzo
  april: apr abril abr
  may: maio mayo
  june: jun junho junio
  july: jul julho julio
  august: aug agosto
  september: sep sept setembro septiembre
  october: oct outubro octubre
  november: nov novembro noviembre
  december: dec dezembro diciembre
  spring: primavera
  summer: verao verano
  autumn: fall outono otono
  winter: inverno invierno
  today: hoje hoy
  tomorrow: amanha
  yesterday: ontem ayer
  overmorrow: anteontem
  tonight: 
  morning: mornings manha matin
  afternoon: afternoons tarde tardes
  evening: evenings
  night: nights noite noites noche
  noon: midday mediodia
  midnight: medianoche
  christmas: xmas natal navidad
  easter: pascoa pascua
  thanksgiving: 
  halloween: 
  carnival: carnaval
`);

/** Words that are dates only behind a preposition of time or beside a number. */
export const PERHAPS_DATES: ReadonlySet<string> = new Set([
  "may",
  "march",
  "fall",
  "spring",
  "mon",
  "dec",
  "jan",
  "set",
  "out",
  "natal",
]);
