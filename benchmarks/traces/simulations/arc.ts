import { IdList, Links, type Simulate } from "../simulation.ts";

/**
 * ARC: keys seen once lately and keys seen more often, each with the ghosts of those that went; a hit on a ghost gives its side
 * more room. Megiddo, Modha: "ARC: a self-tuning, low overhead replacement cache", FAST 2003, figure 4.
 */
export const arc: Simulate = (capacity, distinct) => {
  const links = new Links(distinct);
  const once = new IdList(links);
  const often = new IdList(links);
  const onceGone = new IdList(links);
  const oftenGone = new IdList(links);
  /** Room meant for the keys seen once. */
  let target = 0;

  function replace(wasOftenGone: boolean): void {
    if (once.length > 0 && (once.length > target || (wasOftenGone && once.length === target))) onceGone.push(once.pop());
    else oftenGone.push(often.pop());
  }

  function makeRoomForNew(): void {
    const onceSide = once.length + onceGone.length;
    const all = onceSide + often.length + oftenGone.length;
    if (onceSide === capacity) {
      if (once.length === capacity) {
        once.pop();
      } else {
        onceGone.pop();
        replace(false);
      }
    } else if (all >= capacity) {
      if (all === 2 * capacity) oftenGone.pop();
      replace(false);
    }
  }

  return {
    request(id) {
      const resident = once.has(id) ? once : often.has(id) ? often : undefined;
      if (resident !== undefined) {
        resident.remove(id);
        often.push(id);
        return true;
      }
      if (onceGone.has(id)) {
        target = Math.min(capacity, target + Math.max(1, oftenGone.length / onceGone.length));
        replace(false);
        onceGone.remove(id);
        often.push(id);
      } else if (oftenGone.has(id)) {
        target = Math.max(0, target - Math.max(1, onceGone.length / oftenGone.length));
        replace(true);
        oftenGone.remove(id);
        often.push(id);
      } else {
        makeRoomForNew();
        once.push(id);
      }
      return false;
    },
  };
};
