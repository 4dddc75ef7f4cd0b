import type { Watched } from "../db/change-watch.ts";
import type { Pool } from "../db/pools.ts";
import { hasNewOrders, readNewOrders, type StandingOrders } from "./order-store.ts";

/**
 * Orders that were given at other replicas. Agents that come later are told by the statement that registers them.
 * @param obey may be called with the same orders again, and with those of agents that are elsewhere
 */
export function watchOrders(pool: Pool, obey: (orders: StandingOrders) => void): Watched {
  let since: string | undefined;
  return {
    name: "orders to agents",
    isNew: hasNewOrders,
    since: () => since,
    async read() {
      const { orders, next } = await readNewOrders(pool, since);
      for (const standing of orders) obey(standing);
      since = next;
    },
  };
}
