import type { BlobStore } from "./blob-store.ts";
import { openFolderBlobs } from "./folder-blobs.ts";
import { openS3Blobs, type S3Settings } from "./s3-blobs.ts";

export type BlobSettings = { readonly kind: "folder"; readonly folder: string } | ({ readonly kind: "s3" } & S3Settings);

/** The blob store of this process. Opening reaches for nothing yet. */
export async function openBlobs(settings: BlobSettings): Promise<BlobStore> {
  return settings.kind === "folder" ? openFolderBlobs(settings.folder) : openS3Blobs(settings);
}
