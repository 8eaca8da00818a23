import * as fc from "fast-check";
import { expect, test } from "vitest";
import { SlotHeap } from "../../../../src/cache/evictions/slot-heap.ts";
import { NONE, Slots } from "../../../../src/cache/evictions/slots.ts";

test("the heap gives the lowest priority, whatever rose, fell or left before", () => {
  const act = fc.record({
    slot: fc.integer({ min: 0, max: 30 }),
    priority: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 200 }), (acts) => {
      const heap = new SlotHeap(new Slots(() => undefined));
      const model = new Map<number, number>();
      for (const { slot, priority } of acts) {
        if (priority !== undefined) {
          heap.set(slot, priority);
          model.set(slot, priority);
        } else if (model.delete(slot)) {
          heap.remove(slot);
        }
        expect(heap.has(slot)).toBe(model.has(slot));
        const lowest = heap.lowest();
        if (model.size === 0) expect(lowest).toBe(NONE);
        else expect(model.get(lowest)).toBe(Math.min(...model.values()));
      }
    }),
  );
});
