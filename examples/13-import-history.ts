/** From LangChain's own history tables into a store: nothing lost, nothing twice, however often it runs. */
import { AIMessage, HumanMessage, mapChatMessagesToStoredMessages } from "@langchain/core/messages";
import { ConversationStore, importHistory } from "langchain-strata";
import { pgliteClient } from "langchain-strata/pglite";

const sql = pgliteClient();
const store = new ConversationStore({ sql });
try {
  // What PostgresChatMessageHistory of @langchain/community leaves behind.
  await sql.query("CREATE TABLE langchain_chat_histories (id serial PRIMARY KEY, session_id varchar(255), message jsonb)");
  const former = [
    new HumanMessage("What is 6 times 7?"),
    new AIMessage({
      contentBlocks: [
        { type: "reasoning", reasoning: "six sevens" },
        { type: "text", text: "42" },
      ],
    }),
  ];
  for (const { type, data } of mapChatMessagesToStoredMessages(former)) {
    const message = JSON.stringify({ type, ...data });
    await sql.query("INSERT INTO langchain_chat_histories (session_id, message) VALUES ($1, $2::jsonb)", ["ada-1", message]);
  }

  const from = { sql, ownerId: (sessionId: string) => sessionId.split("-")[0] };
  const first = await importHistory({ from, store, onProgress: ({ read }) => console.log(`read ${read}`) });
  console.log(`imported ${first.imported}, skipped ${first.skipped}`);
  const again = await importHistory({ from, store });
  console.log(`again: imported ${again.imported}`);
  const [, answer] = await store.history({ ownerId: "ada", sessionId: "ada-1" }).getMessages();
  console.log(`the answer: ${answer?.text}, with ${answer?.contentBlocks.map(({ type }) => type).join(" and ")}`);
} finally {
  await store.close();
  await sql.close();
}
