import { expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { decodeRecords, encodeRecord } from "./record-codec.ts";

const payloads = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });

function fileOf(list: readonly Uint8Array[]): Buffer {
  return Buffer.concat(list.map((payload) => encodeRecord(payload)));
}

function textsOf(bytes: Buffer): string[] {
  return decodeRecords(bytes).records.map((record) => record.payload.toString("hex"));
}

test("whole records come back as they were written", () => {
  fc.assert(
    fc.property(payloads, (list) => {
      expect(textsOf(fileOf(list))).toEqual(list.map((payload) => Buffer.from(payload).toString("hex")));
    }),
  );
});

test("a file that is cut anywhere gives exactly the records that are whole", () => {
  fc.assert(
    fc.property(payloads, fc.nat(), (list, at) => {
      const file = fileOf(list);
      const cut = file.length === 0 ? 0 : at % file.length;
      let whole = 0;
      for (let end = 0; whole < list.length; whole++) {
        end += 8 + (list[whole]?.length ?? 0);
        if (end > cut) break;
      }
      expect(textsOf(file.subarray(0, cut))).toEqual(list.slice(0, whole).map((payload) => Buffer.from(payload).toString("hex")));
    }),
  );
});

test("a flipped bit loses its record and what follows, and nothing before it", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 12 }), fc.nat(), (list, at) => {
      const file = fileOf(list);
      const bit = at % (file.length * 8);
      file[bit >> 3] = (file[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      let damaged = 0;
      for (let end = 0; damaged < list.length; damaged++) {
        end += 8 + (list[damaged]?.length ?? 0);
        if (end > bit >> 3) break;
      }
      expect(textsOf(file)).toEqual(list.slice(0, damaged).map((payload) => Buffer.from(payload).toString("hex")));
    }),
  );
});

test("zeros after the last record are damage, not empty records", () => {
  const file = Buffer.concat([encodeRecord(Buffer.from("a")), Buffer.alloc(64)]);
  expect(decodeRecords(file)).toMatchObject({ validBytes: 9, records: [{ offset: 0, size: 9 }] });
});
