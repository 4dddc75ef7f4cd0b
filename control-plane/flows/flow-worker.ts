// Reads one flow and ends, see `flow-reader.ts`.
import { parentPort, workerData } from "node:worker_threads";
import { createSchemaJudge } from "../resources/schema-compiler.ts";
import { ExpressionTiers } from "./expressions/tiers.ts";
import { asFlowText } from "./flow-messages-codec.ts";
import { readFlow } from "./flow-reading.ts";

const text = asFlowText(workerData);
if (text !== undefined) parentPort?.postMessage(readFlow(text, new ExpressionTiers(), createSchemaJudge()));
