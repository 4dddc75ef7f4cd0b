// Reads one YAML text and ends, see `yaml-reader.ts`.
import { parentPort, workerData } from "node:worker_threads";
import { readYaml } from "./yaml-text.ts";

parentPort?.postMessage(readYaml(String(workerData)));
