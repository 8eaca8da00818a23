/** Where the demo's model is, and where its answers are kept. */
export interface DemoSetup {
  readonly folder: string;
  readonly apiKey: string;
  /** `undefined` = the real API. */
  readonly baseURL: string | undefined;
}
