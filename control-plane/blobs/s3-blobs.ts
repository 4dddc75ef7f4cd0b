import type { S3Client } from "@aws-sdk/client-s3";
import { type BlobStore, checkKey, checkPrefix, orUnavailable } from "./blob-store.ts";

export interface S3Settings {
  readonly bucket: string;
  /** Keys in the bucket begin with it; empty or ends with a slash. */
  readonly prefix: string;
  readonly region: string;
  /** Of another store than Amazon's. */
  readonly endpoint: string | undefined;
  /** The bucket in the path instead of the host name: what most other stores need. */
  readonly pathStyle: boolean;
  /** For tests; otherwise they are found as by every AWS tool: AWS_ACCESS_KEY_ID and so on, profiles, roles. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

const MAX_ATTEMPTS = 4;
const CONNECT_WITHIN_MS = 5000;
const ANSWER_WITHIN_MS = 60_000;
const MAX_PAGE = 1000;

/** Objects in a bucket of any store that speaks the S3 API. The SDK is loaded only here: it takes a quarter of a second and 30 MB. */
export async function openS3Blobs(settings: S3Settings): Promise<BlobStore> {
  const sdk = await import("@aws-sdk/client-s3");
  const client: S3Client = new sdk.S3Client({
    region: settings.region,
    ...(settings.endpoint !== undefined && { endpoint: settings.endpoint }),
    ...(settings.credentials !== undefined && { credentials: settings.credentials }),
    forcePathStyle: settings.pathStyle,
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: { connectionTimeout: CONNECT_WITHIN_MS, requestTimeout: ANSWER_WITHIN_MS },
    // Other stores know the newer checksum headers only in part; what we write carries checksums of its own.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
  const { bucket, prefix } = settings;
  const place = (key: string): { Bucket: string; Key: string } => {
    checkKey(key);
    return { Bucket: bucket, Key: `${prefix}${key}` };
  };
  return {
    place: `bucket ${bucket}${prefix === "" ? "" : `/${prefix}`}${settings.endpoint === undefined ? "" : ` at ${settings.endpoint}`}`,

    put: (key, bytes) =>
      orUnavailable(`the bucket could not write ${key}`, async () => {
        await client.send(new sdk.PutObjectCommand({ ...place(key), Body: bytes, ContentLength: bytes.length }));
      }),

    get: (key, range) =>
      orUnavailable(`the bucket could not read ${key}`, () =>
        unlessMissing(async () => {
          const bytes = range === undefined ? {} : { Range: `bytes=${range.offset}-${range.offset + range.length - 1}` };
          const { Body } = await emptyIfBeyond(client.send(new sdk.GetObjectCommand({ ...place(key), ...bytes })));
          return Body === undefined ? Buffer.alloc(0) : Buffer.from(await Body.transformToByteArray());
        }),
      ),

    head: (key) =>
      orUnavailable(`the bucket could not look at ${key}`, () =>
        unlessMissing(async () => ({ sizeBytes: (await client.send(new sdk.HeadObjectCommand(place(key)))).ContentLength ?? 0 })),
      ),

    delete: (key) =>
      orUnavailable(`the bucket could not delete ${key}`, async () => {
        await client.send(new sdk.DeleteObjectCommand(place(key)));
      }),

    list: (under, { after, limit }) =>
      orUnavailable(`the bucket could not list ${under}`, async () => {
        checkPrefix(under);
        const { Contents } = await client.send(
          new sdk.ListObjectsV2Command({
            Bucket: bucket,
            Prefix: `${prefix}${under}`,
            MaxKeys: Math.min(limit, MAX_PAGE),
            ...(after !== undefined && { StartAfter: `${prefix}${after}` }),
          }),
        );
        return (Contents ?? []).map((entry) => ({ key: (entry.Key ?? "").slice(prefix.length), sizeBytes: entry.Size ?? 0 }));
      }),
  };
}

async function unlessMissing<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    if (name === "NoSuchKey" || name === "NotFound") return undefined;
    throw error;
  }
}

/** A range that begins at the end or beyond it. */
async function emptyIfBeyond<T>(answer: Promise<T>): Promise<T | { readonly Body?: never }> {
  return answer.catch((error: unknown) => {
    if (error instanceof Error && error.name === "InvalidRange") return {};
    throw error;
  });
}
