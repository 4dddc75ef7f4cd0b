/** Something with a lifetime. `start` may be called once; `stop` any number of times, also before or during `start`. */
export interface Service {
  start(): Promise<void>;
  stop(reason: string): Promise<void>;
}

/** Starts services in order and stops them in reverse; a failed start stops what had started and throws the cause. */
export async function startAll(services: readonly Service[]): Promise<() => Promise<void>> {
  const started: Service[] = [];
  const stopAll = async (): Promise<void> => {
    for (const service of started.splice(0).reverse()) await service.stop("shutdown");
  };
  try {
    for (const service of services) {
      started.push(service);
      await service.start();
    }
  } catch (error) {
    await stopAll();
    throw error;
  }
  return stopAll;
}
