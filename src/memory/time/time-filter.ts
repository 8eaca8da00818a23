/** What a time expression of a query selects. */
export type TimeFilter =
  | {
      readonly kind: "range";
      /** Unix ms, inclusive; `-Infinity` = from the beginning. */
      readonly from: number;
      /** Unix ms, exclusive; `Infinity` = without end. */
      readonly to: number;
      /** Where it holds nothing, it may be widened by so much on both sides, ms: who says "130 days ago" may mean 131. */
      readonly slack?: number | undefined;
      /** "Earlier today" is before the conversation that is going on. */
      readonly beforeThisSitting?: boolean | undefined;
      /** The words tell of a thing as often as of a time, so that it may never hide anything. */
      readonly isSoft?: boolean | undefined;
    }
  | {
      readonly kind: "sittings";
      /** 1 = the first one, or the last finished one when counted from the end; inclusive. */
      readonly from: number;
      readonly to: number;
      readonly counted: "from-start" | "from-end";
    };

export interface TimeExpression {
  readonly filter: TimeFilter;
  /** The words that were understood, as they were written. */
  readonly text: string;
  /** The query without them. */
  readonly rest: string;
}

/** Against what a query is understood. */
export interface TimeContext {
  /** Unix ms. */
  readonly now: number;
  /** IANA name. */
  readonly zone: string;
}
