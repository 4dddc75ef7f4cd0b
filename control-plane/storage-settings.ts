import { join } from "node:path";
import { z } from "zod";
import type { BlobSettings } from "./blobs/open-blobs.ts";

/** Settings of what is kept, for how long and where; a part of SETTINGS in config.ts. */
export const STORAGE_SETTINGS = {
  MILLRACE_RETENTION_DAYS: z.coerce.number().int().min(2).max(3650).default(30).meta({
    description: "Days after which jobs, results and output are let go, counted from the creation of a job, or from its end if that came much later.",
  }),
  MILLRACE_ARCHIVE: z.enum(["on", "off"]).default("off").meta({ description: "Whether a day is copied to the blob store before it is let go." }),
  MILLRACE_LOG_PACK_AFTER_DAYS: z.coerce
    .number()
    .int()
    .min(0)
    .max(3650)
    .default(2)
    .meta({ description: "Days after which the output of a day's ended jobs moves from PostgreSQL to the blob store; 0 leaves it where it is." }),
  MILLRACE_BLOB_FOLDER: z.string().optional().meta({ description: "Folder of the blob store. Default: blobs in the state folder." }),
  MILLRACE_S3_BUCKET: z.string().min(3).max(63).optional().meta({ description: "Bucket of the blob store, instead of a folder." }),
  MILLRACE_S3_PREFIX: z
    .string()
    .regex(/^([A-Za-z0-9_][A-Za-z0-9._-]*\/)+$/)
    .optional()
    .meta({ description: "What keys in the bucket begin with; ends with a slash." }),
  MILLRACE_S3_REGION: z.string().default("us-east-1").meta({ description: "Region of the bucket." }),
  MILLRACE_S3_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({ description: "Address of an S3 store other than Amazon's." }),
  MILLRACE_S3_PATH_STYLE: z.enum(["on", "off"]).default("off").meta({ description: "Whether the bucket is named in the path, as most other stores need it." }),
} as const;

type StorageSettings = z.infer<z.ZodObject<typeof STORAGE_SETTINGS>>;

/** A bucket when one is named, else a folder. */
export function blobSettings(config: StorageSettings, stateDir: string): BlobSettings {
  const bucket = config.MILLRACE_S3_BUCKET;
  if (bucket === undefined) return { kind: "folder", folder: config.MILLRACE_BLOB_FOLDER ?? join(stateDir, "blobs") };
  return {
    kind: "s3",
    bucket,
    prefix: config.MILLRACE_S3_PREFIX ?? "",
    region: config.MILLRACE_S3_REGION,
    endpoint: config.MILLRACE_S3_ENDPOINT,
    pathStyle: config.MILLRACE_S3_PATH_STYLE === "on",
  };
}
