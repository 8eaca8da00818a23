/**
 * TMD (time questions over dated logs derived from LoCoMo): "What did we discuss two sessions ago?". Each template is asked in
 * English as it is in the set, and in Portuguese as rendered here.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface TimeLog {
  readonly name: string;
  readonly turns: readonly {
    readonly id: string;
    readonly sessionId: string;
    readonly createdAt: number;
    readonly text: string;
  }[];
  /** A minute after the last turn. */
  readonly now: number;
}

export interface TimeQuestion {
  readonly log: string;
  readonly text: string;
  readonly kind: string;
  readonly relevant: ReadonlySet<string>;
}

export function timeLogs(folder: string): TimeLog[] {
  return readdirSync(join(folder, "ConversationData")).map((file) => {
    const data = JSON.parse(readFileSync(join(folder, "ConversationData", file), "utf8")) as Record<string, unknown>;
    const turns: TimeLog["turns"][number][] = [];
    for (let session = 1; `session_${session}` in data; session++) {
      for (const turn of data[`session_${session}`] as { response_number: string; date_time: string; text: string }[]) {
        turns.push({ id: turn.response_number, sessionId: String(session), createdAt: timeOf(turn.date_time), text: turn.text });
      }
    }
    return {
      name: `file_${file.replace(".json", "")}`,
      turns,
      now: Math.max(...turns.map(({ createdAt }) => createdAt)) + 60_000,
    };
  });
}

export function timeQuestions(folder: string): TimeQuestion[] {
  const files = readdirSync(join(folder, "TestData", "time_qs")).filter((file) => file.startsWith("test_"));
  return files.flatMap((file) => {
    const data = JSON.parse(readFileSync(join(folder, "TestData", "time_qs", file), "utf8")) as Record<
      string,
      { questions: string[]; relevant_docs: number[] }[]
    >;
    const kind = file.replace(/^test_|\.json$/g, "");
    return Object.entries(data).flatMap(([log, items]) =>
      items.flatMap(({ questions, relevant_docs: relevant }) =>
        questions.map((text) => ({ log, text, kind, relevant: new Set(relevant.map(String)) })),
      ),
    );
  });
}

/** "01:56:04 AM on Monday 08 May, 2023"; in UTC. */
function timeOf(text: string): number {
  const [, hour, minute, second, half, day] = /^(\d+):(\d+):(\d+) (AM|PM) on \w+ (.+)$/.exec(text) ?? [];
  const hours = (Number(hour) % 12) + (half === "PM" ? 12 : 0);
  return Date.parse(`${day} UTC`) + ((hours * 60 + Number(minute)) * 60 + Number(second)) * 1_000;
}

const MONTHS: Readonly<Record<string, string>> = {
  January: "janeiro",
  February: "fevereiro",
  March: "março",
  April: "abril",
  May: "maio",
  June: "junho",
  July: "julho",
  August: "agosto",
  September: "setembro",
  October: "outubro",
  November: "novembro",
  December: "dezembro",
};
const WEEKDAYS: Readonly<Record<string, string>> = {
  Monday: "segunda-feira",
  Tuesday: "terça-feira",
  Wednesday: "quarta-feira",
  Thursday: "quinta-feira",
  Friday: "sexta-feira",
  Saturday: "sábado",
  Sunday: "domingo",
};
const UNITS = ["", "primeir", "segund", "terceir", "quart", "quint", "sext", "sétim", "oitav", "non"];
const TENS = ["", "décim", "vigésim", "trigésim"];
const ENGLISH_ORDINALS =
  "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth".split(
    " ",
  );
const CARDINALS = "um dois três quatro cinco seis sete oito nove dez".split(" ");
const ENGLISH_CARDINALS = "one two three four five six seven eight nine ten".split(" ");

/**
 * A question of the set in Portuguese; `undefined` for a template that is not rendered. The ways to begin differ, as they do in
 * the English templates.
 */
export function inPortuguese(question: string): string | undefined {
  const begin = question.startsWith("Tell me")
    ? "Me conta o que conversamos"
    : question.startsWith("Summarize")
      ? "Resume o que discutimos"
      : /talked about|talk about/.test(question)
        ? "Do que falamos"
        : /sorts of things/.test(question)
          ? "Sobre que tipo de coisas falamos"
          : "O que discutimos";
  const time = timeInPortuguese(question);
  return time === undefined ? undefined : `${begin} ${time}${question.endsWith("?") ? "?" : "."}`;
}

function timeInPortuguese(question: string): string | undefined {
  const day = "(January|February|March|April|May|June|July|August|September|October|November|December) ([\\w-]+)";
  let m = new RegExp(`(?:between|from|over) ${day} (?:and|to|through) ${day}`).exec(question);
  if (m) return `entre ${date(m[1], m[2])} e ${date(m[3], m[4])}`;
  m = /(?:sessions|from the|over the) ([\w-]+) (?:through|to) (?:the )?([\w-]+)(?: sessions| discussions)?/.exec(question);
  if (m) {
    const [from, to] = [number(m[1]), number(m[2])];
    return /^\d+$/.test(m[1] ?? "")
      ? `nas sessões ${from} a ${to}`
      : `da ${ordinal(from, m[1])} até a ${ordinal(to, m[2])} sessão`;
  }
  m = /our ([\w-]+) (session|discussion)/.exec(question);
  if (m) return `na nossa ${ordinal(number(m[1]), m[1])} ${m[2] === "session" ? "sessão" : "conversa"}`;
  m = /(\w+) (?:sessions|discussions) ago/.exec(question);
  if (m) return `há ${cardinal(m[1], "a")} conversas`;
  if (/session before last|discussion before last/.test(question)) return "na penúltima conversa";
  if (/last time|last (?:session|discussion)|previous (?:session|discussion)/.test(question)) return "na última conversa";
  m = /(\w+) (day|month)s? ago/.exec(question);
  if (m) return `há ${cardinal(m[1], "o")} ${m[2] === "day" ? "dias" : "meses"}`;
  m = /last (Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)/i.exec(question);
  if (m) return lastWeekday(m[1] ?? "");
  m = /last (\w+) days/.exec(question);
  if (m) return `nos últimos ${cardinal(m[1], "o")} dias`;
  if (/(?:last|previous|past) week/.test(question)) return "na última semana";
  if (/last month/.test(question)) return "no mês passado";
  if (/this month/.test(question)) return "este mês";
  if (/earlier (?:this|in the) morning/.test(question)) return "mais cedo esta manhã";
  if (/earlier today/.test(question)) return "hoje mais cedo";
  if (/yesterday/.test(question)) return "ontem";
  if (/today/.test(question)) return "hoje";
  m = new RegExp(day).exec(question);
  if (m && number(m[2]) !== undefined) return `em ${date(m[1], m[2])}`;
  m = /in (January|February|March|April|May|June|July|August|September|October|November|December)/.exec(question);
  return m ? `em ${MONTHS[m[1] ?? ""]}` : undefined;
}

function lastWeekday(name: string): string {
  const day = WEEKDAYS[name] ?? "";
  return day.endsWith("feira") ? `na última ${day}` : `no último ${day}`;
}

function date(month = "", day = ""): string {
  return `${number(day)} de ${MONTHS[month]}`;
}

/** The value of "3", "3rd", "third", "twenty-first". */
function number(word = ""): number | undefined {
  if (/^\d+/.test(word)) return Number.parseInt(word, 10);
  const [tens, unit] = word.split("-");
  const at = ENGLISH_ORDINALS.indexOf(unit ?? tens ?? "");
  if (word === "thirtieth") return 30;
  if (at < 0) return undefined;
  return unit === undefined ? at + 1 : (tens === "twenty" ? 20 : 30) + at + 1;
}

/** Words for words and figures for figures, as the English question has it. */
function ordinal(value: number | undefined, asWritten = ""): string {
  if (value === undefined) return "";
  if (/^\d/.test(asWritten)) return `${value}ª`;
  const tens = Math.floor(value / 10);
  const words = [TENS[tens], UNITS[value % 10]].filter((word) => word !== undefined && word !== "");
  return words.map((word) => `${word}a`).join(" ");
}

function cardinal(word = "", gender: "o" | "a" = "o"): string {
  const at = ENGLISH_CARDINALS.indexOf(word);
  if (at < 0) return word;
  const name = CARDINALS[at] ?? word;
  return gender === "a" ? name.replace(/^um$/, "uma").replace(/^dois$/, "duas") : name;
}
