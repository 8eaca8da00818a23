import { IdList, Links, type Simulate } from "../simulation.ts";

/**
 * LFU without ageing: uses since the key came in, the least recently used among equals. What the package offers as `lfu` ages.
 * Shah, Mitra, Matani: "An O(1) algorithm for implementing the LFU cache eviction scheme", 2010.
 */
export const plainLfu: Simulate = (capacity, distinct) => {
  const links = new Links(distinct);
  const uses = new Int32Array(distinct);
  const lists: IdList[] = [];
  let resident = 0;
  const listOf = (count: number): IdList => (lists[count] ??= new IdList(links));
  return {
    request(id) {
      const count = uses[id]!;
      if (count > 0) {
        listOf(count).remove(id);
        uses[id] = count + 1;
        listOf(count + 1).push(id);
        return true;
      }
      if (resident === capacity) {
        const least = lists.find((list) => list !== undefined && list.length > 0);
        uses[least!.pop()] = 0;
        resident--;
      }
      uses[id] = 1;
      listOf(1).push(id);
      resident++;
      return false;
    },
  };
};
