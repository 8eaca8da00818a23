import { IdList, Links, type Simulate } from "../simulation.ts";

/** First in, first out. */
export const fifo: Simulate = (capacity, distinct) => {
  const queue = new IdList(new Links(distinct));
  return {
    request(id) {
      if (queue.has(id)) return true;
      if (queue.length === capacity) queue.pop();
      queue.push(id);
      return false;
    },
  };
};
