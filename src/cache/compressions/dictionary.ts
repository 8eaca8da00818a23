/**
 * The preset dictionary, version 1: text that a compressor may point back to before a payload has said anything itself.
 *
 * A small answer is mostly words seen once and the frame of the stored message, and plain deflate pays for all of them in full.
 * Composed by hand, from four parts, the likeliest to be used last, since near matches cost the fewest bits:
 *
 * 1. long frequent words of Portuguese, then of English, each with the space before it, and the joints of explanatory prose.
 *    Words of up to four letters are left out: a match costs about 20 bits, no fewer than their letters do;
 * 2. openings of code fences and the commonest shapes of code inside them;
 * 3. markdown as it looks inside a JSON string, where a line break is the two characters `\n`;
 * 4. the frame itself: the keys of a stored answer in the order in which `encodeAnswer` and the providers write them, with the
 *    turns of phrase of a chain of thought where one would stand.
 *
 * No measured text was looked at while choosing words; `benchmarks/micro/compression.ts` reports the gain on two disjoint halves
 * of its corpus.
 *
 * Released bytes never change: every value written with codec 4 needs exactly these. A better dictionary is a new codec id
 * beside this one (see `codecs.ts`), and a test pins the digest.
 */
const PORTUGUESE =
  " também através informações desenvolvimento configuração aplicação utilizando exemplo, é importante você pode para que não" +
  " uma função diferentes necessário quando porque entre então como dados usuário resposta código sistema permite maneira";

const ENGLISH =
  " however, therefore although especially understand consider including available additional environment configuration" +
  " implementation performance development application approach different important information between through because another" +
  " question problem solution process language provides should would could which where there their about these before after" +
  " while without using based value first return second number system string object result error default method property request" +
  " response version type. It is possible to make sure that the same one of the most common. This means that you can use the" +
  " following as well as in order to, such as when you want to, which can be used for the example, if you need to have more than";

const CODE =
  '```json\\n{```bash\\nnpm install ```python\\nimport def __init__(self, ```javascript\\n```typescript\\nimport { } from \\"' +
  "@;\\n\\nexport async function const  = new  = await (\\n  return console.log(`${});\\n}\\n```\\n\\n";

const MARKDOWN =
  "https://www.| --- | --- |\\n| **Note:**\\n\\n---\\n\\n# \\n\\n## \\n\\n### Conclusion\\n\\nIn summary, For example, " +
  "Here's a step-by-step\\n   - \\n\\n1. **\\n2. **\\n3. **\\n\\n- **:** `\\n- **`";

const FRAME =
  '[{"text":"","info":{"finish_reason":"stop","system_fingerprint":"fp_","model_name":"gpt-4o-claude-"},"message":{"chunk":' +
  'true,"tool_calls":[{"name":"","args":{"query":""},"id":"call_","type":"tool_call"}],' +
  '[{"info":{"finish_reason":"stop"},"message":{"content":[{"type":"text","text":"' +
  '[{"info":{"finish_reason":"stop"},"message":{"content":"","additional_kwargs":{"reasoning_content":"Okay, the user is asking' +
  " about . So I need to figure out. Let me think. First, \\n\\nWait, maybe I should check. Hmm, but let's see. Alternatively, " +
  '"},"response_metadata":{"tokenUsage":{"promptTokens":1,"completionTokens":1,"totalTokens":1},"finish_reason":"stop",' +
  '"model_provider":"openai","model_provider":"deepseek","model_name":"deepseek-chat","model_name":"deepseek-reasoner",' +
  '"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":1,"prompt_tokens_details":{"cached_tokens":0},' +
  '"completion_tokens_details":{"reasoning_tokens":1},"prompt_cache_hit_tokens":0,"prompt_cache_miss_tokens":1},' +
  '"system_fingerprint":"fp_"},"usage_metadata":{"output_tokens":1,"input_tokens":1,"total_tokens":1,' +
  '"input_token_details":{"cache_read":0},"output_token_details":{"reasoning":1}},"id":"chatcmpl-","id":"run-"}}]';

/** The bytes of dictionary version 1. Read only. */
export const DICTIONARY_1: Uint8Array = Buffer.from(PORTUGUESE + ENGLISH + CODE + MARKDOWN + FRAME, "utf8");
