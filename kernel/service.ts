/** Something with a lifetime. `start` may be called once; `stop` any number of times, also before or during `start`. */
export interface Service {
  start(): Promise<void>;
  stop(reason: string): Promise<void>;
}
